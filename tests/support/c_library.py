"""The C library, built and installed, for the tests of every folder that ask it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import c_interface as c_interface_module
import pytest
from native_tools import NATIVE, succeeded


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
def library(c_interface, c_package):
    return c_interface.load(c_package / "lib" / "libecg2lab.so")
