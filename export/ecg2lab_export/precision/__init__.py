"""Reduced precisions: how a graph comes by one, and the gate that it must pass."""
