"""What a model answers, and what its answer rests on."""
