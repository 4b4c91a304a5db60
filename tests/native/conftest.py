"""Real signals for the native core's tests, read plainly, and the demo model for each of its callers."""

from __future__ import annotations

import cart_answers as cart_answers_module
import numpy as np
import pytest
from native_tools import DEMO

import ecg2lab

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
