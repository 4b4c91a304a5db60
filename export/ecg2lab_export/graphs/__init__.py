"""Graphs in ONNX: made, changed, and held to what every bundle promises; of no network in particular."""
