"""A training run: batches, loss, epochs, checkpoints, and the RUN folder that is left."""
