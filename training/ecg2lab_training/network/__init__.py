"""The S4 fusion network in PyTorch: what training learns and export reads."""
