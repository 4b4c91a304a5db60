"""The C library cross-compiled and run: 64-bit Arm Linux under qemu-user, 64-bit Windows under wine."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.system
NATIVE = Path(__file__).parents[2] / "native"
CART = NATIVE / "examples" / "cart.c"
OLDEST_GLIBC = (2, 28)
"""Of the systems to be loaded on; JetPack 5 and 6 have newer ones."""


class Machine(NamedTuple):
    """Where programs are made for, and what runs them here."""

    toolchain: str
    target: str
    runners: tuple[str, ...]
    arguments: tuple[str, ...]
    system_root: Path | None
    package: str
    suffix: str


ARM = Machine(
    "aarch64-linux",
    "aarch64-linux-gnu.2.28",
    ("qemu-aarch64", "qemu-aarch64-static"),
    ("-L", "/usr/aarch64-linux-gnu"),
    Path("/usr/aarch64-linux-gnu/lib/libc.so.6"),
    "qemu-user and libc6-arm64-cross",
    "",
)
WINDOWS = Machine(
    "x86_64-windows",
    "x86_64-windows-gnu",
    ("wine64", "/usr/lib/wine/wine64"),  # wine64 of Debian is not on the path
    (),
    None,
    "wine64",
    ".exe",
)


class Built(NamedTuple):
    """Where a machine's library lies installed, its carts, and how programs of it are run."""

    prefix: Path
    carts: dict[str, Path]
    unit_test: Path
    runner: list[str]


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def find_zig():
    """The compiler of the package ziglang; skips where there is none."""
    found = importlib.util.find_spec("ziglang")
    if found is None:
        pytest.skip("no cross compiler here (PyPI: ziglang)")
    return Path(found.origin).with_name("zig")


def find_runner(machine):
    """The command before a program; skips where there is none."""
    found = next(filter(None, map(shutil.which, machine.runners)), None)
    if found is None or (machine.system_root is not None and not machine.system_root.exists()):
        pytest.skip(f"programs for {machine.target} cannot be run here (Debian: {machine.package})")
    return [found, *machine.arguments]


def build(machine, cmake, folder):
    runner, zig = find_runner(machine), find_zig()
    environment = {**os.environ, "ECG2LAB_ZIG": str(zig)}
    made, prefix = folder / "build", folder / "package"
    toolchain = NATIVE / "cmake" / "toolchains" / f"{machine.toolchain}.cmake"
    options = (f"-DCMAKE_TOOLCHAIN_FILE={toolchain}", "-DCMAKE_INSTALL_LIBDIR=lib")
    options += ("-DECG2LAB_TESTS=ON", "-DECG2LAB_WERROR=ON")
    run(cmake, "-S", NATIVE, "-B", made, *options, env=environment)
    run(cmake, "--build", made, "--parallel", os.cpu_count(), env=environment)
    run(cmake, "--install", made, "--prefix", prefix, env=environment)
    carts = {kind: prefix / "bin" / f"{kind}{machine.suffix}" for kind in ("shared", "static")}
    carts["shared"].parent.mkdir(exist_ok=True)  # beside the DLL, where Windows looks for it
    common = ("-target", machine.target, "-O2", f"-I{prefix}/include", "-x", "c", CART, "-x", "none")
    origin = () if machine.suffix else ("-Wl,-rpath,$ORIGIN/../lib",)
    run(zig, "cc", "-std=c99", *common, f"-L{prefix}/lib", "-lecg2lab", "-lm", *origin, "-o", carts["shared"])
    archive = prefix / "lib" / ("libecg2lab_static.a" if machine.suffix else "libecg2lab.a")
    run(zig, "c++", "-DECG2LAB_STATIC", *common, archive, "-pthread", "-o", carts["static"])
    return Built(prefix, carts, made / f"test_instruction_sets{machine.suffix}", runner)


@pytest.fixture(scope="module")
def aarch64(cmake, tmp_path_factory):
    return build(ARM, cmake, tmp_path_factory.mktemp("aarch64"))


@pytest.fixture(scope="module")
def windows(cmake, tmp_path_factory):
    """With a wine of its own: nothing is left in the home folder."""
    built = build(WINDOWS, cmake, tmp_path_factory.mktemp("windows"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINEPREFIX", str(tmp_path_factory.mktemp("wine")))
        patch.setenv("WINEDEBUG", "-all")
        yield built


@pytest.fixture(params=["aarch64", "windows"])
def built(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_the_cart_gives_pythons_answer(built, kind, cart_answers, engine, data_folder, tmp_path):
    """The tolerance is that of the cart on this machine."""
    cart_answers.require_pythons_answer([*built.runner, built.carts[kind]], engine, data_folder, tmp_path)


def test_every_instruction_set_agrees_with_the_portable_one(built):
    """`native/tests/instruction_sets.cpp` has the properties and their tolerances."""
    printed = run(*built.runner, built.unit_test)
    tested = {tuple(line.split(":")[0].split()) for line in printed.splitlines()}
    assert {("portable", precision) for precision in ("fp32", "bf16", "int8")} <= tested
    assert "too far" not in printed


def test_the_arm_kernels_were_among_them(aarch64):
    printed = run(*aarch64.runner, aarch64.unit_test)
    assert "neon fp32" in printed
    assert "neon int8" in printed


def test_it_loads_on_jetpack_5(aarch64):
    """No symbol of the C library is newer than the oldest that is promised."""
    objdump = shutil.which("aarch64-linux-gnu-objdump")
    if objdump is None:
        pytest.skip("no aarch64-linux-gnu-objdump here (Debian: binutils-aarch64-linux-gnu)")
    symbols = run(objdump, "-T", aarch64.prefix / "lib" / "libecg2lab.so")
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", symbols)}
    assert versions
    assert max(versions) <= OLDEST_GLIBC
    assert "libstdc++" not in run(objdump, "-p", aarch64.prefix / "lib" / "libecg2lab.so")
