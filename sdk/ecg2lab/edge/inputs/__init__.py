"""How recordings and facts come in."""
