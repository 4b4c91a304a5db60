"""Takes out of an environment what a node never needs: a step of the Containerfiles.

    python slim.py PIP

runs with the environment's own Python; PIP is that of another. What is taken out is named below, with the reason. In
the end all that the node imports is compiled, and nothing else: a container that cannot write would compile it at every
start.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

PACKAGES = Path(sysconfig.get_paths()["purelib"])
_NOT_USED = ("polyfactory", "faker")
"""They invent the examples that Litestar would put into a description; the node has it make none."""
_FOR_DEVELOPERS = (
    "numpy/f2py",
    "numpy/_core/include",
    "numpy/_core/lib",
    "matplotlib/mpl-data/sample_data",
    "pydicom/data/test_files",
    "google/protobuf/testdata",
)
"""Headers, a compiler's front end, files of tests and examples."""
_OTHER_PICTURES = ("PIL/_avif*.so", "pillow.libs/libavif*")
"""A format of pictures that no report has; Pillow does without."""
_FORMS = ("json", "fhir", "hl7", "html", "pdf")


def remove_packages(pip: str) -> None:
    """What is required by name only."""
    subprocess.run([pip, "--python", sys.executable, "uninstall", "--quiet", "--yes", *_NOT_USED], check=True)


def remove_folders() -> None:
    """Tests of other packages, and what developers build with."""
    tests = [path for path in PACKAGES.rglob("tests") if (path.parent / "__init__.py").exists()]
    pictures = [path for pattern in _OTHER_PICTURES for path in PACKAGES.glob(pattern)]
    written = [*PACKAGES.rglob("*.pyi"), *PACKAGES.rglob("__pycache__")]
    for path in (*tests, *(PACKAGES / name for name in _FOR_DEVELOPERS), *pictures, *written):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def strip_symbols() -> None:
    """Of extensions; the libraries beside them (`*.libs`) were edited after linking and are left alone."""
    for path in PACKAGES.rglob("*.so"):
        if not any(part.endswith(".libs") for part in path.parts):
            subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)


def compile_used() -> None:
    """Import everything of ecg2lab, and draw each form of a report: what that imports is compiled."""
    import ecg2lab

    for module in pkgutil.walk_packages(ecg2lab.__path__, "ecg2lab."):
        if not module.name.endswith("__main__"):
            _import(module.name)
    from ecg2lab.demo import bundle_path, record_path

    with tempfile.TemporaryDirectory() as folder:
        for form in _FORMS:
            asked = ["predict", str(bundle_path()), str(record_path()), "--format", form, "--out", f"{folder}/{form}"]
            subprocess.run([sys.executable, "-m", "ecg2lab", *asked], check=True)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "ecg2lab":
            raise
        # It belongs to an extra that is not installed here.


if __name__ == "__main__":
    remove_packages(sys.argv[1])
    remove_folders()
    strip_symbols()
    compile_used()
