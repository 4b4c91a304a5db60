"""Makes the packages of the C library and its bindings into dist/, and the checksums of all that lies there.

python native/packages/packages.py c nuget jar checksums
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import assembly
import jar
from archives import files_below, write_tar, write_zip
from libraries import MACHINES, ROOT, build_to_ship, find_zig
from nuget import make_nuget
from versions import VERSION

WORK = ROOT / "build" / "packages"
CHECKSUMS = "SHA256SUMS"


def find_cmake() -> str:
    """Of the environment that runs this, or the system's."""
    beside = Path(sys.executable).with_name("cmake")
    found = str(beside) if beside.exists() else shutil.which("cmake")
    return found or sys.exit("the C library is built with CMake: pip install cmake")


def libraries() -> dict[str, Path]:
    """Where the library of each machine is installed; what is built already is not built again."""
    if find_zig() is None:
        sys.exit("the libraries of all machines are compiled by zig: pip install ziglang==0.16.0")
    cmake = find_cmake()
    return {machine: build_to_ship(cmake, machine) for machine in MACHINES}


def make_c(dist: Path) -> list[Path]:
    """For each machine an archive of what is installed: a .zip for Windows."""
    made = []
    for machine, prefix in libraries().items():
        name = f"ecg2lab-{VERSION}-{machine}"
        if machine.startswith("win"):
            files = {f"{name}/{path}": content for path, content in files_below(prefix).items()}
            made.append(write_zip(dist / f"{name}.zip", files))
        else:
            made.append(write_tar(dist / f"{name}.tar.gz", prefix, name))
    return made


def make_nuget_package(dist: Path) -> list[Path]:
    require(assembly.missing_tool())
    return [make_nuget(dist, libraries(), WORK / "nuget")]


def make_jars(dist: Path) -> list[Path]:
    require(jar.missing_tool())
    return jar.make_jar(dist, libraries(), WORK / "jar")


def make_checksums(dist: Path) -> list[Path]:
    """Of everything in the folder, as `sha256sum --check` reads them."""
    files = sorted(path for path in dist.iterdir() if path.is_file() and path.name != CHECKSUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (dist / CHECKSUMS).write_text("".join(lines), encoding="utf-8")
    return [dist / CHECKSUMS]


def require(missing: str | None) -> None:
    """End the program with what is to be installed."""
    if missing:
        sys.exit(f"this package is made with {missing}")


PACKAGES: dict[str, Callable[[Path], list[Path]]] = {
    "c": make_c,
    "nuget": make_nuget_package,
    "jar": make_jars,
    "checksums": make_checksums,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="+", choices=PACKAGES)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.packages:
        for path in PACKAGES[name](arguments.out):
            print(path.name, flush=True)


if __name__ == "__main__":
    main()
