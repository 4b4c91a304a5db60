"""Real signals for the native core's tests, read plainly, and the C library, built and installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ecg2lab
from ecg2lab import demo as demo_package

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


HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "native"
DEMO = Path(demo_package.__file__).with_name("demo.ecg2lab")


def run(*command, **options):
    """Run a tool; its output is the message where it fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def cmake():
    """Of the environment of these tests (PyPI has it), or the system's."""
    found = shutil.which("cmake", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert found, "the C library is built with CMake: pip install cmake"
    return found


@pytest.fixture(scope="session")
def c_package(tmp_path_factory, cmake):
    """Where the C library lies installed, as `cmake --install` leaves it; one built with sanitizers may stand in."""
    if "ECG2LAB_C_PACKAGE" in os.environ:
        return Path(os.environ["ECG2LAB_C_PACKAGE"])
    build, prefix = tmp_path_factory.mktemp("c-build"), tmp_path_factory.mktemp("c-package")
    run(cmake, "-S", NATIVE, "-B", build, "-DCMAKE_INSTALL_LIBDIR=lib")
    run(cmake, "--build", build, "--parallel", os.cpu_count())
    run(cmake, "--install", build, "--prefix", prefix)
    return prefix


def module_beside(name):
    """A module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def c_interface():
    return module_beside("c_interface")


@pytest.fixture(scope="session")
def cart_answers():
    return module_beside("cart_answers")


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
