"""Real signals for the native core's tests, read plainly."""

from __future__ import annotations

import numpy as np
import pytest

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
