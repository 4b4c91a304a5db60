"""The forms in which the S4 fusion network runs: window graphs, step graph, weights for the native engine."""
