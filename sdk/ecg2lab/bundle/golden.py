"""The golden inputs of a bundle and their float64 outputs: what `selftest`, a new engine and a server are held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle import GOLDEN, Bundle
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, FEATURES, LOGITS, SIGNAL, check_inputs
from ecg2lab.errors import BackendError, BundleError

Arrays = Mapping[str, NDArray[Any]]
"""By the names of the window graph's inputs and outputs."""
_TYPES = {SIGNAL: np.float32, CONTINUOUS: np.float32, CATEGORICAL: np.int64, LOGITS: np.float64, FEATURES: np.float64}


def read_golden(bundle: Bundle) -> Arrays:
    """Read them and check them against the contract.

    Returns
    -------
    mapping of str to ndarray
        signal (B leads L) float32, continuous (B features) float32, categorical (B categories) int64, logits (B n)
        float64, and features (B F) float64 if the bundle gives any; none of them can be written.

    Raises
    ------
    BundleError
        If one is missing, of another shape or type, not finite, or has a code that no category has.
    """
    name, arrays = f"{bundle.source}: {GOLDEN}", bundle.tensors(GOLDEN)
    outputs = {LOGITS: len(bundle.contract.targets)} | ({FEATURES: bundle.features} if bundle.features else {})
    keys = (SIGNAL, CONTINUOUS, CATEGORICAL, *outputs)
    for key in keys:
        if key not in arrays or arrays[key].dtype != _TYPES[key]:
            raise BundleError(f"{name}: {key} does not fit the contract; export the bundle again")
    signal, continuous, categorical = (arrays[key] for key in (SIGNAL, CONTINUOUS, CATEGORICAL))
    try:
        window = bundle.contract.signal.window_samples
        check_inputs(bundle.contract, signal, continuous, categorical, samples=window)
    except BackendError as error:
        raise BundleError(f"{name} does not fit the contract: {error}; export the bundle again") from None
    for key, width in outputs.items():
        if not len(signal) or arrays[key].shape != (len(signal), width) or not np.isfinite(arrays[key]).all():
            raise BundleError(f"{name}: {key} does not fit the contract; export the bundle again")
    return {key: arrays[key] for key in keys}
