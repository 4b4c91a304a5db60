"""The S4 fusion network in float64: its state spaces, its forward pass, and its key names in a checkpoint."""
