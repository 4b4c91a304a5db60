"""Calibration windows: what is read, and what is refused by name."""

import dataclasses

import msgspec
import numpy as np
import pytest
from safetensors.numpy import save_file

from ecg2lab import preprocess
from ecg2lab.errors import ContractError, DatasetError
from ecg2lab_export.precision import calibration

WINDOWS = 20


@pytest.fixture
def arrays(contract):
    drawn = calibration.generate(contract, WINDOWS)
    labels = np.zeros((WINDOWS, len(contract.targets)), np.float32)
    labels[::3], labels[1] = 1, np.nan
    return {**drawn.arrays, "labels": labels}


def store(folder, kind, arrays):
    path = folder / f"windows.{kind}"
    if kind == "npz":
        np.savez(path, **arrays)
    else:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
    return path


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_a_file_gives_its_arrays(tmp_path, contract, arrays, kind):
    read = calibration.read(store(tmp_path, kind, arrays), contract)
    assert len(read) == WINDOWS
    assert read.origin == f"calibration file windows.{kind}"
    for name, array in read.arrays.items():
        np.testing.assert_array_equal(array, arrays[name])
    del arrays["labels"]
    assert calibration.read(store(tmp_path, kind, arrays), contract).labels is None


def test_the_digest_is_of_the_numbers_whatever_the_file(tmp_path, contract, arrays):
    digests = {calibration.read(store(tmp_path, kind, arrays), contract).sha256 for kind in ("npz", "safetensors")}
    double = {name: x.astype(np.float64) if x.dtype == np.float32 else x.astype(np.int32) for name, x in arrays.items()}
    digests.add(calibration.read(store(tmp_path, "npz", double), contract).sha256)
    assert len(digests) == 1
    arrays["signal"][3, 2, 1] += 1e-3
    assert calibration.read(store(tmp_path, "npz", arrays), contract).sha256 not in digests


def test_what_is_written_is_read_and_is_always_the_same(tmp_path, contract, arrays):
    made = calibration.check(arrays, contract, "made", "made")
    for name in ("a", "b"):
        calibration.write(tmp_path / f"{name}.safetensors", made)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    assert calibration.read(tmp_path / "a.safetensors", contract).sha256 == made.sha256


def test_the_order_of_the_axes_in_memory_is_not_written(tmp_path, contract, arrays):
    """A format without strides would store the numbers of a transposed array in the wrong places."""
    made = calibration.check(arrays, contract, "made", "made")
    fortran = dataclasses.replace(made, **{name: np.asfortranarray(array) for name, array in made.arrays.items()})
    calibration.write(tmp_path / "f.safetensors", fortran)
    assert calibration.read(tmp_path / "f.safetensors", contract).sha256 == fortran.sha256 == made.sha256


def test_generated_windows_fit_their_contract(contract):
    made = calibration.generate(contract, 32)
    assert calibration.check(made.arrays, contract, "made", made.origin).sha256 == made.sha256
    assert calibration.generate(contract, 32).sha256 == made.sha256


def test_missing_flags_are_columns(contract, arrays):
    numbers = len(contract.continuous)
    flagged = msgspec.structs.replace(contract, missing_flags="continuous")
    with pytest.raises(ContractError, match=r"continuous has shape \(20, 10\), the contract wants \(20, 20\)"):
        calibration.check(arrays, flagged, "x", "x")
    arrays["continuous"] = np.concatenate([arrays["continuous"], np.ones((WINDOWS, numbers), np.float32)], axis=1)
    calibration.check(arrays, flagged, "x", "x")
    arrays["continuous"][4, -1] = 2
    with pytest.raises(ContractError, match="_missing of window 4 is 2, not within 0 to 1 as a flag"):
        calibration.check(arrays, flagged, "x", "x")


def without(name):
    return lambda arrays: arrays.pop(name)


def put(name, index, value):
    def change(arrays):
        arrays[name][index] = value

    return change


def retype(name, dtype):
    def change(arrays):
        arrays[name] = arrays[name].astype(dtype)

    return change


def cut(name, *index):
    def change(arrays):
        arrays[name] = np.ascontiguousarray(arrays[name][index])

    return change


def only(count):
    def change(arrays):
        for name in arrays:
            arrays[name] = arrays[name][:count]

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("continuous"), "has no array 'continuous'"),
        (lambda arrays: arrays.update(label=arrays["labels"]), "an array 'label', which no model takes"),
        (cut("signal", slice(None), slice(8)), r"signal has shape \(20, 8, 250\), the contract wants \(20, 12, 250\)"),
        (cut("continuous", slice(19)), r"continuous has shape \(19, 10\), the contract wants \(20, 10\)"),
        (cut("labels", slice(None), slice(3)), "labels has shape"),
        (lambda arrays: arrays.update(signal=np.float32(1)), "signal has shape"),
        (only(15), "15 windows are too few"),
        (only(0), "0 windows are too few"),
        (put("signal", (1, 2, 3), np.nan), "signal has values that are not finite"),
        (
            lambda arrays: arrays.update(signal=arrays["signal"] * 1000),
            r"signal reaches .* mV, .* at most 7\.71 mV",
        ),
        (put("continuous", (5, 6), 37.0), "temperature_f of window 5 is 37, not within 50 to 150 °F"),
        (put("continuous", (5, 2), np.nan), "age of window 5 is nan"),
        (put("categorical", (0, 1), 5), "race has a code outside 0 to 4"),
        (put("categorical", (0, 0), -1), "sex has a code outside 0 to 1"),
        (put("labels", (2, 2), 0.5), "labels must be 0, 1 or, where unknown, NaN"),
        (retype("categorical", np.float32), "categorical must hold integers, not float32"),
        (retype("signal", np.int16), "signal must hold real numbers, not int16"),
        (retype("labels", np.complex64), "labels must hold real numbers, not complex64"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, contract, arrays, change, message):
    change(arrays)
    with pytest.raises(ContractError, match=message):
        calibration.read(store(tmp_path, "npz", arrays), contract)


@pytest.mark.parametrize("fs", [101, 125, 128, 185, 250, 360, 500])
def test_what_preprocessing_makes_is_never_too_large(tmp_path, contract, arrays, fs):
    """Resampling follows the clip: the worst signal there is, ±3 mV as the weights of output 150 have their signs."""
    leads = contract.signal.leads
    first = round(1.5 * fs) - 66 * fs // 100  # the filter reaches 64 samples of the output either way
    worst = np.zeros((12, 4 * fs))
    for start in range(first, first + 132 * fs // 100, 12):
        impulses = np.zeros((12, 4 * fs))
        impulses[np.arange(12), start + np.arange(12)] = 1
        weights = preprocess(impulses, fs=fs, leads=leads, unit="mV", contract=contract)[:, 150]
        worst[:, start : start + 12] = 50 * np.sign(weights)
    found = preprocess(worst, fs=fs, leads=leads, unit="mV", contract=contract)
    assert 2.2 * 3 < np.abs(found).max() < calibration.OVERSHOOT * 3
    arrays["signal"][0] = found[:, 75:325]
    assert len(calibration.read(store(tmp_path, "npz", arrays), contract)) == 20


@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_damage_is_an_error_of_ours(tmp_path, contract, arrays, kind):
    path = store(tmp_path, kind, arrays)
    whole = path.read_bytes()
    for size in (0, 3, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(DatasetError, match="damaged"):
            calibration.read(path, contract)
    path.write_bytes(b"\0" * 5000)
    with pytest.raises(DatasetError, match="damaged"):
        calibration.read(path, contract)


def test_pickled_objects_are_refused(tmp_path, contract, arrays):
    class Attack:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    arrays["signal"] = np.array([Attack()], dtype=object)
    with pytest.raises(DatasetError, match="holds objects instead of numbers"):
        calibration.read(store(tmp_path, "npz", arrays), contract)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.npz", "there are no calibration windows at"),
        ("windows.csv", "are read from .npz or .safetensors"),
        ("folder.npz", "cannot read calibration windows"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path, contract, name, message):
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(DatasetError, match=message):
        calibration.read(tmp_path / name, contract)
