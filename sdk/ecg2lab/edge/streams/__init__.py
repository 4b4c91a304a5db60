"""Signals that are still coming in, over a connection that may be lost."""
