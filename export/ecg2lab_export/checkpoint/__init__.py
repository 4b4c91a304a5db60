"""Files that hold a trained network, read without executing anything in them."""
