"""What the bare network is given, checked; the same for window and step, whoever calls. The names of it, too."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError

SIGNAL, CONTINUOUS, CATEGORICAL = "signal", "continuous", "categorical"
"""Inputs of the window graph."""
LOGITS, FEATURES = "logits", "features"
"""Its outputs; without features where the manifest says none."""
STATE, NEXT_STATE = "state", "next_state"
"""What the step graph has beside them."""


def graph_tensors(contract: Contract, features: int | None = None) -> dict[str, tuple[tuple[int, ...], type]]:
    """Shape behind the batch, and type, of each input of the window graph and of its outputs.

    Parameters
    ----------
    features
        `Bundle.features`; None: there is no such output.
    """
    signal, columns = contract.signal, contract.static_inputs
    tensors: dict[str, tuple[tuple[int, ...], type]] = {
        SIGNAL: ((len(signal.leads), signal.window_samples), np.float32),
        CONTINUOUS: ((len(columns.continuous),), np.float32),
        CATEGORICAL: ((len(columns.categorical),), np.int64),
        LOGITS: ((len(contract.targets),), np.float32),
    }
    return tensors if features is None else {**tensors, FEATURES: ((features,), np.float32)}


class NetworkInputs(NamedTuple):
    """Of one batch, in the types and the memory order that every backend takes."""

    signal: NDArray[np.float32]  # (B leads L)
    continuous: NDArray[np.float32]  # (B features)
    categorical: NDArray[np.int64]  # (B categories)


def check_inputs(
    contract: Contract, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike, samples: int | None
) -> NetworkInputs:
    """Bring arrays to their types, and refuse what the network was not made for.

    Parameters
    ----------
    signal
        (B, leads, samples) millivolt.
    continuous, categorical
        (B, features) and (B, categories) as `contract.static_inputs` lists them.
    samples
        Of the signal; None: any number from 1 on.

    Raises
    ------
    BackendError
        On a wrong shape or type, a value that is not finite, or a code that no category has.
    """
    columns, expected = contract.static_inputs, graph_tensors(contract)
    leads, _ = expected[SIGNAL][0]
    inputs = NetworkInputs(
        _checked(SIGNAL, signal, (leads, "T" if samples is None else samples), np.float32),
        _checked(CONTINUOUS, continuous, *expected[CONTINUOUS]),
        _checked(CATEGORICAL, categorical, *expected[CATEGORICAL]),
    )
    if inputs.signal.shape[2] == 0:
        raise BackendError("signal has no samples: a step needs at least one")
    counts = {name: len(array) for name, array in inputs._asdict().items()}
    if len(set(counts.values())) > 1:
        raise BackendError(f"batches differ: {', '.join(f'{count} {name}' for name, count in counts.items())}")
    for codes, (name, count) in zip(inputs.categorical.T, columns.categorical.items(), strict=True):
        if len(codes) and not (codes.min() >= 0 and codes.max() < count):
            raise BackendError(f"categorical: {name} has a code outside 0 to {count - 1}")
    return inputs


def _checked(name: str, value: ArrayLike, shape: tuple[int | str, ...], dtype: type) -> NDArray[Any]:
    """One array; a size that is a letter is free."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise BackendError(f"{name} must be one array: its rows have different lengths") from None
    fits = array.ndim == len(shape) + 1 and all(
        isinstance(fixed, str) or size == fixed for size, fixed in zip(array.shape[1:], shape, strict=True)
    )
    if not fits:
        raise BackendError(f"{name} must have shape ({', '.join(map(str, ('B', *shape)))}), not {array.shape}")
    if array.dtype.kind not in ("iu" if dtype is np.int64 else "fiu"):
        raise BackendError(f"{name} must hold {'integers' if dtype is np.int64 else 'real numbers'}, not {array.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is refused below
        converted: NDArray[Any] = np.ascontiguousarray(array, dtype=dtype)
    if not np.isfinite(converted).all():
        raise BackendError(f"{name} has values that are not finite: preprocess and impute first, or call predict")
    return converted
