"""What was proved of a bundle, and how errors of a computation are measured."""
