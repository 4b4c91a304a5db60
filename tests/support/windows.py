"""Prepared windows for a model, as a program would bring them."""

from __future__ import annotations

import numpy as np

DATATYPES = {"signal": "FP32", "continuous": "FP32", "categorical": "INT64"}


def draw_windows(contract, count, seed=0):
    """Inputs of the network by name, (count, …), little-endian."""
    random, columns = np.random.default_rng(seed), contract.static_inputs
    shape = (count, len(contract.signal.leads), contract.signal.window_samples)
    codes = [random.integers(0, most, count) for most in columns.categorical.values()]
    return {
        "signal": random.normal(0, 0.3, shape).astype("<f4"),
        "continuous": random.normal(60, 20, (count, len(columns.continuous))).astype("<f4"),
        "categorical": np.stack(codes, axis=1).astype("<i8"),
    }
