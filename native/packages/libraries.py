"""The C library for other machines than this one, cross-compiled by zig: what packages hold and what tests run."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
MACHINES = {"linux-x64": "x86_64-linux", "linux-arm64": "aarch64-linux", "win-x64": "x86_64-windows"}
"""Those that packages are for, by the names that .NET has for them, with the toolchain file of each."""


def run(*command: object, **options: object) -> str:
    """Run a tool; its output is the message where it fails."""
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def find_zig() -> Path | None:
    """The compiler of the package ziglang; None where it is not installed."""
    found = importlib.util.find_spec("ziglang")
    return Path(found.origin).with_name("zig") if found and found.origin else None


def build(cmake: str, toolchain: str, prefix: Path, *options: str) -> Path:
    """Build in build/cross, where the next run finds what has not changed, and install into `prefix`.

    Two files at a time: a kernel takes a gigabyte. Returns the folder of the build.
    """
    made = ROOT / "build" / "cross" / toolchain
    environment = {**os.environ, "ECG2LAB_ZIG": str(find_zig())}
    file = NATIVE / "cmake" / "toolchains" / f"{toolchain}.cmake"
    common = (f"-DCMAKE_TOOLCHAIN_FILE={file}", "-DCMAKE_INSTALL_LIBDIR=lib", "-DECG2LAB_WERROR=ON")
    run(cmake, "-S", NATIVE, "-B", made, *common, *options, env=environment)
    run(cmake, "--build", made, "--parallel", 2, env=environment)
    run(cmake, "--install", made, "--prefix", prefix, env=environment)
    return made


def build_to_ship(cmake: str, machine: str) -> Path:
    """The shared library alone, installed: zig's C++ library inside a static one would be of use to zig only."""
    prefix = ROOT / "build" / "ship" / machine
    build(cmake, MACHINES[machine], prefix, "-DECG2LAB_BUILD_STATIC=OFF")
    return prefix


def shared_library(prefix: Path, machine: str) -> Path:
    """The file to load, of what `build` installed."""
    return prefix / "bin" / "ecg2lab.dll" if machine.startswith("win") else prefix / "lib" / "libecg2lab.so"
