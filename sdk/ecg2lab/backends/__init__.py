"""What runs the bare network: `run(signal, continuous, categorical) → logits`."""
