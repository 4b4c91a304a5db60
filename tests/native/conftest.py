"""Real signals for the native core's tests, read plainly, and the C library, built and installed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import c_interface as c_interface_module
import cart_answers as cart_answers_module
import numpy as np
import pytest
from native_tools import DEMO, NATIVE, succeeded

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
def cmake():
    """Of the environment of these tests (PyPI has it), or the system's."""
    found = shutil.which("cmake", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert found, "the C library is built with CMake: pip install cmake"
    return found


@pytest.fixture(scope="session")
def c_package(made_once, cmake):
    """Where the C library lies installed, as `cmake --install` leaves it; one built by `make` may stand in."""
    if "ECG2LAB_C_PACKAGE" in os.environ:
        return Path(os.environ["ECG2LAB_C_PACKAGE"])

    def make(folder):
        succeeded(cmake, "-S", NATIVE, "-B", folder / "build", "-DCMAKE_INSTALL_LIBDIR=lib")
        succeeded(cmake, "--build", folder / "build", "--parallel", os.cpu_count())
        succeeded(cmake, "--install", folder / "build", "--prefix", folder / "package")

    return made_once("c-library", make) / "package"


@pytest.fixture(scope="session")
def c_interface():
    return c_interface_module


@pytest.fixture(scope="session")
def cart_answers():
    return cart_answers_module


@pytest.fixture(scope="session")
def library(c_interface, c_package):
    return c_interface.load(c_package / "lib" / "libecg2lab.so")


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
