"""Builds an sdist and manylinux_2_28 wheels into dist/, and asks each wheel in a fresh environment for an answer.

For every CPython from 3.10 on that is found, on 64-bit x86 Linux; and for 64-bit Arm, where its Python can be run. The
compiler is zig: it links to a glibc as old as is asked for, whatever this machine has.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from arm_python import ArmPython, find_arm_python
from libraries import NATIVE, ROOT, find_zig, run

TOOLCHAINS = NATIVE / "cmake" / "toolchains"
WORK = ROOT / "build" / "wheels"
MINORS = range(10, 15)
GLIBC_MINOR = int(re.search(r"gnu\.2\.(\d+)", (TOOLCHAINS / "x86_64-linux.cmake").read_text()).group(1))
EXTRAS = "formats,report"  # what the demo needs


def find_pythons() -> dict[str, Path]:
    """One interpreter for each version, on the path or of pyenv: {"3.10": path}."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for minor in MINORS:
        on_path = shutil.which(f"python3.{minor}")
        candidates = [*([on_path] if on_path else []), *sorted(pyenv.glob(f"3.{minor}.*/bin/python"))]
        for candidate in map(Path, candidates):
            probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
            done = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, check=False)
            if done.returncode == 0 and done.stdout.strip() == f"3.{minor}":
                found[f"3.{minor}"] = candidate
                break
    return found


def fresh_environment(python: Path, folder: Path) -> Path:
    run(python, "-m", "venv", folder)
    return folder / "bin" / "python"


def build_wheel(python: Path, machine: str, foreign: dict[str, str]) -> Path:
    """With what the build needs fetched into an environment of its own, as pip does for everybody."""
    out = WORK / f"{python.name}-{machine}"
    shutil.rmtree(out, ignore_errors=True)
    defines = {"CMAKE_TOOLCHAIN_FILE": TOOLCHAINS / f"{machine}-linux.cmake", "ECG2LAB_WERROR": "ON"}
    # pybind11 would try link-time optimisation, and zig compile its C++ library again for it.
    defines |= {"HAS_FLTO": "OFF", "HAS_FLTO_THIN": "OFF"}
    if foreign:
        defines["PYTHON_MODULE_EXTENSION"] = foreign["SETUPTOOLS_EXT_SUFFIX"]
        defines["PYTHON_MODULE_DEBUG_POSTFIX"] = ""
    settings = [f"--config-settings=cmake.define.{name}={value}" for name, value in defines.items()]
    settings.append(f"--config-settings=build-dir={WORK}/{{wheel_tag}}")
    run(
        *(python, "-m", "pip", "wheel", "--no-deps", *settings, "--wheel-dir", out, ROOT),
        env={**os.environ, "ECG2LAB_ZIG": str(find_zig()), **foreign},
    )
    return next(out.glob("*.whl"))


def make_manylinux(wheel: Path, machine: str, dist: Path) -> Path:
    """What auditwheel refuses ends the program: a symbol that is too new, a library that is not everywhere."""
    before = set(dist.glob("*.whl"))
    tools = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    # auditwheel knows the names of its own machine only; the name that it finds for another is checked below.
    name = f"manylinux_2_{GLIBC_MINOR}_{machine}"
    platform = name if machine == os.uname().machine else "auto"
    for old in dist.glob(f"{'-'.join(wheel.stem.split('-')[:4])}-*{machine}.whl"):
        before.discard(old)
        old.unlink()
    run(sys.executable, "-m", "auditwheel", "repair", "--plat", platform, "--wheel-dir", dist, wheel, env=tools)
    (made,) = set(dist.glob("*.whl")) - before
    minors = [int(minor) for minor in re.findall(r"manylinux_2_(\d+)_", made.name)]
    if not minors or min(minors) > GLIBC_MINOR:
        sys.exit(f"auditwheel: {made.name} is no {name}")
    return made


def ask(python: list, folder: Path, environment: dict[str, str] | None = None) -> None:
    """The demo's answer, and the proof in its bundle repeated by the native engine."""
    options = {"cwd": folder, "env": {**os.environ, **(environment or {})}}
    run(*python, "-m", "ecg2lab", "demo", "--out", folder / "demo-out", **options)
    bundle = run(*python, "-c", "from ecg2lab.demo import bundle_path; print(bundle_path())", **options).strip()
    run(*python, "-m", "ecg2lab", "selftest", bundle, **options)


def wheel_for_x86(python: Path, dist: Path) -> str:
    """The wheel for one Python, built, judged and asked; returns a line for the reader."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = fresh_environment(python, Path(folder) / "build")
        wheel = make_manylinux(build_wheel(fresh, "x86_64", {}), "x86_64", dist)
        asked = fresh_environment(python, Path(folder) / "venv")
        run(asked, "-m", "pip", "install", "--only-binary=:all:", f"{wheel}[{EXTRAS}]")
        ask([asked], Path(folder))
        return f"{wheel.name}: demo and selftest answered in CPython {version_of([asked])}"


def version_of(python: list) -> str:
    return run(*python, "-c", "import platform; print(platform.python_version(), platform.machine())").strip()


def wheel_for_arm(arm: ArmPython, python: Path, dist: Path) -> str:
    """The wheel for 64-bit Arm: built with the headers of this machine's Python of the same version, run emulated."""
    tag = f"cpython-{arm.version.replace('.', '')}-aarch64-linux-gnu"
    foreign = {"_PYTHON_HOST_PLATFORM": "linux-aarch64", "SETUPTOOLS_EXT_SUFFIX": f".{tag}.so"}
    with tempfile.TemporaryDirectory() as folder:
        fresh = fresh_environment(python, Path(folder) / "build")
        wheel = make_manylinux(build_wheel(fresh, "aarch64", foreign), "aarch64", dist)
        site = Path(folder) / "site"
        arm.install(fresh, f"{wheel}[{EXTRAS}]", site)
        ask(arm.command, Path(folder), {"PYTHONPATH": str(site)})
        return f"{wheel.name}: demo and selftest answered in CPython {version_of(arm.command)} under qemu-user"


def sdist(dist: Path) -> Path:
    code = f"from scikit_build_core.build import build_sdist; print(build_sdist({str(dist)!r}))"
    return dist / run(sys.executable, "-c", code, cwd=ROOT).split()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--python", nargs="*", help="versions, such as 3.12; without it all that are found")
    parser.add_argument("--no-arm", action="store_true", help="no wheel for 64-bit Arm")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    pythons = find_pythons()
    wanted = arguments.python if arguments.python is not None else list(pythons)
    print(sdist(arguments.out).name, flush=True)
    for minor in MINORS:
        if arguments.python is None and f"3.{minor}" not in pythons:
            print(f"no wheel for 3.{minor}: no such Python on the path or under pyenv", flush=True)
    for version in wanted:
        if version not in pythons:
            sys.exit(f"no Python {version} here with venv")
        print(wheel_for_x86(pythons[version], arguments.out), flush=True)
    arm = None if arguments.no_arm else find_arm_python(WORK)
    if arm is not None and arm.version in pythons:
        print(wheel_for_arm(arm, pythons[arm.version], arguments.out), flush=True)
    elif not arguments.no_arm:
        print("no wheel for 64-bit Arm: it takes qemu-user, and apt-get to fetch Debian's Python for Arm")


if __name__ == "__main__":
    main()
