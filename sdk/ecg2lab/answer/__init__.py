"""The answer of a model, and what it is based on."""
