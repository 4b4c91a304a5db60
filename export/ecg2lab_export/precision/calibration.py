"""The windows on which a reduced precision is measured: from a file, from a training run, or generated.

A file is `.npz` or `.safetensors` with the arrays

signal        (B, leads, L) millivolt: preprocessed, in the contract's lead order and at its rate
continuous    (B, columns) as `Contract.static_inputs` lists them, in the contract's units; nothing may be missing
categorical   (B, columns) integer codes, likewise
labels        (B, n) 1 abnormal, 0 not, NaN unknown; may be left out
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, SIGNAL
from ecg2lab.contract import Contract
from ecg2lab.errors import ContractError, DatasetError
from ecg2lab.system.files import regular_size
from ecg2lab_export.proof.golden import draw_inputs

LABELS = "labels"
FEWEST_WINDOWS = 16
GENERATED_WINDOWS = 512
OVERSHOOT = 2.57
"""Times the clip limit that a sample can be, for resampling follows the clip: the sum of the filter's absolute weights
at the worst rate and phase, close to 100 Hz and half-way between two samples."""
_LARGEST_FILE = 2**32
_FLOATS = (SIGNAL, CONTINUOUS, LABELS)


@dataclass(frozen=True)
class CalibrationSet:
    """Windows that fit a contract, and perhaps what the laboratory found."""

    signal: NDArray[np.float32]  # (B leads L)
    continuous: NDArray[np.float32]  # (B features)
    categorical: NDArray[np.int64]  # (B categories)
    labels: NDArray[np.float32] | None  # (B n)
    origin: str
    """Where they come from, in words."""

    def __len__(self) -> int:
        """Count of windows."""
        return len(self.signal)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, as in a file."""
        inputs: dict[str, NDArray[Any]]
        inputs = {SIGNAL: self.signal, CONTINUOUS: self.continuous, CATEGORICAL: self.categorical}
        return inputs if self.labels is None else {**inputs, LABELS: self.labels}

    @property
    def sha256(self) -> str:
        """Of names, shapes and numbers, whatever file they were in."""
        digest = hashlib.sha256()
        for name, array in self.arrays.items():
            digest.update(f"{name} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def feed(self, windows: slice) -> dict[str, NDArray[Any]]:
        """Inputs of the window graph for a part of the windows."""
        return {name: array[windows] for name, array in self.arrays.items() if name != LABELS}


def read(path: str | Path, contract: Contract, origin: str | None = None) -> CalibrationSet:
    """Read a file and check it against a contract.

    Parameters
    ----------
    path
        `X.npz` or `X.safetensors`; nothing in it is executed.
    contract
        Of the model.
    origin
        What is said of it; None: that it is a file of this name.

    Raises
    ------
    DatasetError
        If the file cannot be read, or is none of this kind.
    ContractError
        If it holds something else than the contract wants, naming array and value.
    """
    path = Path(path)
    return check(_read_arrays(path), contract, str(path), origin or f"calibration file {path.name}")


def check(arrays: Mapping[str, NDArray[Any]], contract: Contract, source: str, origin: str) -> CalibrationSet:
    """Bring arrays to their types and check them against a contract; `source` stands in messages.

    Raises
    ------
    ContractError
        Naming array and value.
    """
    missing = [name for name in (SIGNAL, CONTINUOUS, CATEGORICAL) if name not in arrays]
    if missing:
        raise ContractError(f"{source} has no array {missing[0]!r}")
    unknown = sorted(set(arrays) - {SIGNAL, CONTINUOUS, CATEGORICAL, LABELS})
    if unknown:
        raise ContractError(f"{source} has an array {unknown[0]!r}, which no model takes")
    typed = {name: _typed(name, array, source) for name, array in arrays.items()}
    _check_shapes(typed, contract, source)
    _check_signal(typed[SIGNAL], contract, source)
    _check_features(typed, contract, source)
    labels = typed.get(LABELS)
    different = len({window.tobytes() for window in typed[SIGNAL]})
    if different < FEWEST_WINDOWS:
        raise ContractError(f"{source}: only {different} of its windows differ; give {FEWEST_WINDOWS} or many more")
    if labels is not None and not np.isin(labels[~np.isnan(labels)], (0, 1)).all():
        raise ContractError(f"{source}: labels must be 0, 1 or, where unknown, NaN")
    return CalibrationSet(typed[SIGNAL], typed[CONTINUOUS], typed[CATEGORICAL], labels, origin)


def generate(contract: Contract, windows: int = GENERATED_WINDOWS) -> CalibrationSet:
    """Simulated windows, without labels: the same for each contract."""
    drawn = draw_inputs(contract, windows, seed=1)
    return CalibrationSet(drawn.signal, drawn.continuous, drawn.categorical, None, "generated windows, no patients")


def write(path: Path, calibration: CalibrationSet) -> None:
    """Write a `.safetensors`; equal windows give equal bytes."""
    from safetensors.numpy import save

    # The format has no strides: of an array in another order than C it would store the numbers in the wrong places.
    path.write_bytes(save({name: np.ascontiguousarray(array) for name, array in calibration.arrays.items()}))


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    readers = {".npz": _read_npz, ".safetensors": _read_safetensors}
    if path.suffix not in readers:
        raise DatasetError(f"{path}: calibration windows are read from {' or '.join(readers)}")
    try:
        if regular_size(path) > _LARGEST_FILE:
            raise DatasetError(f"{path} is larger than any calibration set")
        return readers[path.suffix](path)
    except FileNotFoundError:
        raise DatasetError(f"there are no calibration windows at {path}") from None
    except OSError as error:
        raise DatasetError(f"cannot read calibration windows {path}: {error.strerror or 'it is damaged'}") from None


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > _LARGEST_FILE:
                raise DatasetError(f"{path} is larger than any calibration set once unpacked")
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, zipfile.BadZipFile, LookupError, EOFError, RuntimeError, MemoryError) as error:
        raise DatasetError(f"{path} is damaged or holds objects instead of numbers: {error}") from None


def _read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return dict(load(path.read_bytes()))
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} is damaged or of a type that NumPy does not have: {error}") from None


def _typed(name: str, array: NDArray[Any], source: str) -> NDArray[Any]:
    kinds = {LABELS: "fiub", CATEGORICAL: "iu"}.get(name, "f")
    if array.dtype.kind not in kinds:
        kind = "real numbers" if name in _FLOATS else "integers"
        raise ContractError(f"{source}: {name} must hold {kind}, not {array.dtype}")
    with np.errstate(over="ignore"):  # what overflows is found to be infinite
        return np.ascontiguousarray(array, dtype=np.float32 if name in _FLOATS else np.int64).reshape(array.shape)


def _check_shapes(arrays: Mapping[str, NDArray[Any]], contract: Contract, source: str) -> None:
    sizes = {
        SIGNAL: (len(contract.signal.leads), contract.signal.window_samples),
        CONTINUOUS: (len(contract.static_inputs.continuous),),
        CATEGORICAL: (len(contract.static_inputs.categorical),),
        LABELS: (len(contract.targets),),
    }
    windows = arrays[SIGNAL].shape[0] if arrays[SIGNAL].ndim else 0
    for name, array in arrays.items():
        if array.shape != (windows, *sizes[name]):
            size = ", ".join(map(str, (windows, *sizes[name])))
            raise ContractError(f"{source}: {name} has shape {array.shape}, the contract wants ({size})")
    if windows < FEWEST_WINDOWS:
        raise ContractError(f"{source}: {windows} windows are too few to rank; give {FEWEST_WINDOWS} or many more")


def _check_signal(signal: NDArray[np.float32], contract: Contract, source: str) -> None:
    if not np.isfinite(signal).all():
        raise ContractError(f"{source}: signal has values that are not finite; preprocess it first")
    largest, most = float(np.abs(signal).max()), OVERSHOOT * contract.preprocessing.clip_mv
    if largest > most:
        raise ContractError(
            f"{source}: signal reaches {largest:.4g} mV, preprocessing leaves at most {most:.4g} mV; "
            "give preprocessed windows in millivolt (`ecg2lab.preprocess`)"
        )


def _check_features(arrays: Mapping[str, NDArray[Any]], contract: Contract, source: str) -> None:
    columns = contract.static_inputs
    ranges = {f.name: (f.minimum, f.maximum, f.unit) for f in contract.continuous}
    for name, column in zip(columns.continuous, arrays[CONTINUOUS].T, strict=True):
        low, high, unit = ranges.get(name, (0, 1, "as a flag"))
        outside = ~((column >= np.float32(low)) & (column <= np.float32(high)))
        if outside.any():
            at = int(np.argmax(outside))
            raise ContractError(
                f"{source}: continuous: {name} of window {at} is {column[at]:g}, not within {low:g} to {high:g} {unit}"
            )
    for (name, count), codes in zip(columns.categorical.items(), arrays[CATEGORICAL].T, strict=True):
        if codes.min() < 0 or codes.max() >= count:
            raise ContractError(f"{source}: categorical: {name} has a code outside 0 to {count - 1}")
