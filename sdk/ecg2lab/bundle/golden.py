"""The golden inputs of a bundle and their float64 logits: what `selftest`, a new engine and a server are held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle import GOLDEN, Bundle
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, LOGITS, SIGNAL, check_inputs
from ecg2lab.errors import BackendError, BundleError

Arrays = Mapping[str, NDArray[Any]]
"""By the names of the window graph's inputs and output."""
_TYPES = {SIGNAL: np.float32, CONTINUOUS: np.float32, CATEGORICAL: np.int64, LOGITS: np.float64}


def read_golden(bundle: Bundle) -> Arrays:
    """Read them and check them against the contract.

    Returns
    -------
    mapping of str to ndarray
        signal (B leads L) float32, continuous (B features) float32, categorical (B categories) int64, logits (B n)
        float64; none of them can be written.

    Raises
    ------
    BundleError
        If one is missing, of another shape or type, not finite, or has a code that no category has.
    """
    name, arrays = f"{bundle.source}: {GOLDEN}", bundle.tensors(GOLDEN)
    for key, dtype in _TYPES.items():
        if key not in arrays or arrays[key].dtype != dtype:
            raise BundleError(f"{name}: {key} does not fit the contract; export the bundle again")
    signal, continuous, categorical = (arrays[key] for key in (SIGNAL, CONTINUOUS, CATEGORICAL))
    try:
        window = bundle.contract.signal.window_samples
        check_inputs(bundle.contract, signal, continuous, categorical, samples=window)
    except BackendError as error:
        raise BundleError(f"{name} does not fit the contract: {error}; export the bundle again") from None
    logits, count = arrays[LOGITS], len(signal)
    if not count or logits.shape != (count, len(bundle.contract.targets)) or not np.isfinite(logits).all():
        raise BundleError(f"{name}: {LOGITS} does not fit the contract; export the bundle again")
    return {key: arrays[key] for key in _TYPES}
