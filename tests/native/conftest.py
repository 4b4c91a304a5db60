"""Real signals for the native core's tests, read plainly, and the demo model for each of its callers."""

from __future__ import annotations

import cart_answers as cart_answers_module
import msgspec
import numpy as np
import pytest
from native_tools import DEMO

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.contract import Decision

NETWORK_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6", "III", "aVR", "aVL", "aVF")


@pytest.fixture(scope="session")
def network_leads():
    """The order of the published network."""
    return list(NETWORK_LEADS)


@pytest.fixture(scope="session", params=["HR06000", "E07500"])
def ecg(request, data_folder):
    """Lead names and (12, 5000) millivolt at 500 Hz: MATLAB level 4 files of 16-bit numbers, 1000 to the millivolt."""
    header = (data_folder / f"{request.param}.hea").read_text().splitlines()
    samples = np.fromfile(data_folder / f"{request.param}.mat", dtype="<i2", offset=24)
    return [line.split()[-1] for line in header[1:13]], np.ascontiguousarray(samples.reshape(5000, 12).T / 1000)


@pytest.fixture(scope="session")
def cart_answers():
    return cart_answers_module


@pytest.fixture(scope="session")
def model(c_interface, library):
    loaded = c_interface.Model(library, DEMO)
    assert loaded.status == c_interface.OK
    yield loaded
    library.ecg2lab_free(loaded.handle)


@pytest.fixture(scope="session")
def engine():
    with ecg2lab.load(DEMO, backend="onnxruntime", threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="session")
def record(data_folder):
    return ecg2lab.read(data_folder / "HR06000.hea")


FIRST = """
{"rule": "specificity=0.9", "chosen_on": "x", "measured_on": "y", "points": [
 {"windows": 1, "facts": "all", "most_missing": 9, "threshold": 0.5, "patients": 1, "positives": 1, "negatives": 1,
  "prevalence": 0.25, "sensitivity": {"value": 0.5, "low": 0.25, "high": 0.75},
  "specificity": {"value": 0.5, "low": 0.25, "high": 0.75}},
 {"windows": 4, "facts": "age and sex", "most_missing": 9, "threshold": 0.0625, "patients": 2, "positives": 3,
  "negatives": 4, "prevalence": 0.125, "sensitivity": {"value": 0.5, "low": 0.25, "high": 0.75},
  "specificity": {"value": 0.75, "low": 0.5, "high": 1}, "ppv": {"value": 0.25, "low": 0, "high": 0.5}},
 {"windows": 4, "facts": "all", "most_missing": 9, "reason": "too few", "patients": 1, "positives": 1, "negatives": 1}]}
"""
SECOND = """
{"rule": "sensitivity=0.9", "chosen_on": "x", "measured_on": "y", "points": [
 {"windows": 4, "facts": "all", "most_missing": 9, "threshold": 1e-6, "patients": 1, "positives": 1, "negatives": 1,
  "prevalence": 0.07, "sensitivity": {"value": 0.9, "low": 0.8, "high": 1},
  "specificity": {"value": 0.5, "low": 0.25, "high": 0.75}, "ppv": {"value": 0.0703, "low": 0.06, "high": 0.2}}]}
"""


@pytest.fixture(scope="session")
def decided(tmp_path_factory):
    """The demo model with decisions: one that depends on windows and facts, and one that flags every recording."""
    opened = bundles.Bundle.open(DEMO)
    targets = list(opened.contract.targets)
    for index, text in enumerate((FIRST, SECOND)):
        decision = msgspec.json.decode(text, type=Decision)
        targets[index] = msgspec.structs.replace(targets[index], decision=decision, decision_threshold=None)
    contract = msgspec.structs.replace(opened.contract, targets=tuple(targets))
    manifest = msgspec.structs.replace(opened.manifest, contract=contract)
    path = tmp_path_factory.mktemp("decided") / "model.ecg2lab"
    bundles.write(path, manifest, {name: opened.member(name) for name in manifest.members})
    return path
