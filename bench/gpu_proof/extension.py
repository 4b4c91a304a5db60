"""The native core for this Python: built from the checkout where it is absent (cmake, pybind11 and a compiler)."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "native"
PLACE = SOURCES.parent / "sdk" / "ecg2lab" / "_native"


def main(build: Path) -> None:
    """Import it, or build it and put it beside its stub."""
    try:
        importlib.import_module("ecg2lab._native._core")
    except ImportError:
        import pybind11

        options = {
            "ECG2LAB_PYTHON": "ON",
            "ECG2LAB_INSTALL_C": "OFF",
            "PYBIND11_FINDPYTHON": "ON",
            "pybind11_DIR": pybind11.get_cmake_dir(),
            "Python_EXECUTABLE": sys.executable,
        }
        defined = [f"-D{name}={value}" for name, value in options.items()]
        subprocess.run(("cmake", "-S", SOURCES, "-B", build, *defined), check=True, stdout=subprocess.DEVNULL)
        command = ("cmake", "--build", build, "--target", "_core", "--parallel")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for module in build.glob("_core*.so"):
            shutil.copy(module, PLACE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
