"""Where the native core and the demo bundle lie, and how these tests run compilers and programs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ecg2lab import demo as demo_package

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
EXAMPLES = NATIVE / "examples"
DEMO = Path(demo_package.__file__).with_name("demo.ecg2lab")
PATIENT = {"age": 63, "sex": "female", "temperature_c": 37.2, "systolic_mmhg": 128}
"""Facts as a caller gives them; the demo imputes the others."""
CC, CXX = os.environ.get("CC", "cc"), os.environ.get("CXX", "c++")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")


def completed(*command, **options):
    """Run a program to its end, whatever that is."""
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)


def succeeded(*command, **options):
    """Run a program; returns what it printed, which is the message where it fails."""
    done = completed(*command, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def find_binutils(tool):
    """The tool that reads binaries; skips where there is none."""
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} here (Debian: binutils)")
    return tool
