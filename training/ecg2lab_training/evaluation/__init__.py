"""What a model is worth: measures on held-out patients or on a site's own, and the report that states them."""
