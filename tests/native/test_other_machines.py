"""The C library cross-compiled and run: Arm Linux of 64 and 32 bits under qemu-user, 64-bit Windows under wine."""

import importlib.metadata
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from filelock import FileLock
from hardened import dll_lacks, dll_versions, elf_lacks, objects_without
from native_tools import DEMO, EXAMPLES, NATIVE, ROOT, STRICT, find_binutils, succeeded

import ecg2lab
import libraries
from ecg2lab_export import export

pytestmark = pytest.mark.system
CART = EXAMPLES / "cart.c"
OLDEST_GLIBC = (2, 28)
"""Of the systems to be loaded on; JetPack 5 and 6 have newer ones."""


class Machine(NamedTuple):
    """Where programs are made for, and what runs them here."""

    toolchain: str
    runners: tuple[str, ...]
    arguments: tuple[str, ...]
    system_root: Path | None
    package: str
    suffix: str
    archive: str

    @property
    def file(self):
        return NATIVE / "cmake" / "toolchains" / f"{self.toolchain}.cmake"

    @property
    def target(self):
        """As zig calls it; of Linux, with the version of its glibc."""
        return re.search(r"set\(zig_target (\S+)\)", self.file.read_text()).group(1)


ARM = Machine(
    toolchain="aarch64-linux",
    runners=("qemu-aarch64", "qemu-aarch64-static"),
    arguments=("-L", "/usr/aarch64-linux-gnu"),
    system_root=Path("/usr/aarch64-linux-gnu/lib/libc.so.6"),
    package="qemu-user and libc6-arm64-cross",
    suffix="",
    archive="libecg2lab.a",
)
ARMV7 = Machine(
    toolchain="armv7-linux",
    runners=("qemu-arm", "qemu-arm-static"),
    arguments=("-L", "/usr/arm-linux-gnueabihf"),
    system_root=Path("/usr/arm-linux-gnueabihf/lib/libc.so.6"),
    package="qemu-user and libc6-armhf-cross",
    suffix="",
    archive="libecg2lab.a",
)
WINDOWS = Machine(
    toolchain="x86_64-windows",
    runners=("wine64", "/usr/lib/wine/wine64"),  # wine64 of Debian is not on the path
    arguments=(),
    system_root=None,
    package="wine64",
    suffix=".exe",
    archive="libecg2lab_static.a",
)


WINE_SERVERS = ("wineserver", "/usr/lib/wine/wineserver64")


class Built(NamedTuple):
    """A machine's library, installed in `prefix`; the unit tests in `made`; how its programs are compiled and run."""

    machine: Machine
    made: Path
    prefix: Path
    zig: Path
    runner: list[str]

    def compile(self, source, kind, out):
        """Compile a C program with the shared or the static library; returns the command that runs it."""
        common = ("-target", self.machine.target, "-O2", f"-I{self.prefix}/include", "-x", "c", source, "-x", "none")
        program = out / f"{source.stem}_{kind}{self.machine.suffix}"
        if kind == "static":
            archive = self.prefix / "lib" / self.machine.archive
            succeeded(self.zig, "c++", "-DECG2LAB_STATIC", *common, archive, "-pthread", "-o", program)
        else:
            rpath = () if self.machine.suffix else (f"-Wl,-rpath,{self.prefix}/lib",)
            linked = (*common, f"-L{self.prefix}/lib", "-lecg2lab", "-lm", *rpath)
            succeeded(self.zig, "cc", "-std=c99", *STRICT, *linked, "-o", program)
            if self.machine.suffix:  # Windows looks for a DLL beside the program
                shutil.copy(self.prefix / "bin" / "ecg2lab.dll", out)
        return [*self.runner, program]


def find_zig():
    """The compiler of the package ziglang; skips where there is none."""
    return libraries.find_zig() or pytest.skip("no cross compiler here (PyPI: ziglang)")


def find_runner(machine):
    """The command before a program; skips where there is none."""
    found = next(filter(None, map(shutil.which, machine.runners)), None)
    if found is None or (machine.system_root is not None and not machine.system_root.exists()):
        pytest.skip(f"programs for {machine.target} cannot be run here (Debian: {machine.package})")
    return [found, *machine.arguments]


def build(machine, cmake):
    """With the unit tests, and as every package has it; by one of several workers at a time."""
    runner, zig = find_runner(machine), find_zig()
    cross = ROOT / "build" / "cross"
    prefix = cross / machine.toolchain / "package"
    cross.mkdir(parents=True, exist_ok=True)
    with FileLock(cross / f"{machine.toolchain}.lock"):
        made = libraries.build(cmake, machine.toolchain, prefix, "-DECG2LAB_TESTS=ON", "-DECG2LAB_BUILD_STATIC=ON")
    return Built(machine, made, prefix, zig, runner)


@pytest.fixture(scope="module")
def aarch64(cmake):
    return build(ARM, cmake)


@pytest.fixture(scope="module")
def armv7(cmake):
    return build(ARMV7, cmake)


@pytest.fixture(scope="module")
def windows(cmake, tmp_path_factory):
    """With a wine of its own: nothing is left in the home folder, and no program waits for the services of another."""
    built = build(WINDOWS, cmake)
    server = next((path for path in map(shutil.which, WINE_SERVERS) if path), "true")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINEPREFIX", str(tmp_path_factory.mktemp("wine")))
        patch.setenv("WINEDEBUG", "-all")
        subprocess.run([server, "-p"], check=True)
        # Services keep the output of who starts them open: not that of a program under test.
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*built.runner, "wineboot"], check=True, **quiet)
        yield built
        subprocess.run([server, "-k"], check=False)


@pytest.fixture(params=["aarch64", "armv7", "windows"])
def built(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def causal(tmp_path_factory, data_folder):
    """A bundle of another shape than the demo's: one direction, fewer channels and layers; and its engine here."""
    folder = data_folder / "parity"
    path = tmp_path_factory.mktemp("bundle") / "causal.ecg2lab"
    contract = ecg2lab.contract.read(folder / "contract.json")
    export(folder / "causal-small" / "checkpoint.ckpt", path, contract=contract, synthetic_weights=True)
    with ecg2lab.load(path, backend="onnxruntime", threads=1) as engine:
        yield path, engine


@pytest.mark.parametrize("kind", ["shared", "static"])
def test_the_cart_gives_pythons_answers_and_refusals(built, kind, cart_answers, engine, causal, data_folder, tmp_path):
    """The tolerance is that of the cart on this machine; the folder has a space in its name."""
    folder = tmp_path / "a cart"
    folder.mkdir()
    cart = built.compile(CART, kind, folder)
    cart_answers.require_pythons_answer(cart, engine, data_folder, folder)
    path, other = causal
    cart_answers.require_pythons_answer(cart, other, data_folder, folder, bundle=path)
    cart_answers.require_refusals(cart, data_folder, folder)


def test_every_instruction_set_agrees_with_the_portable_one(built):
    """`native/tests/instruction_sets.cpp` has the properties and their tolerances."""
    printed = succeeded(*built.runner, built.made / f"test_instruction_sets{built.machine.suffix}")
    tested = {tuple(line.split(":")[0].split()) for line in printed.splitlines()}
    assert {("portable", precision) for precision in ("fp32", "bf16", "int8")} <= tested
    assert ": the portable one" in printed  # SHA-256
    if built.machine is ARM:
        assert "digest by instructions" in printed
        assert {("neon", "fp32"), ("neon", "bf16"), ("neon", "int8")} <= tested


def test_preprocessing_agrees_with_the_portable_one_and_with_its_stream(built):
    """`native/tests/preparation.cpp` has the properties and their tolerances."""
    printed = succeeded(*built.runner, built.made / f"test_preparation{built.machine.suffix}")
    assert "portable resampling: 0 from portable" in printed
    assert "stream at 500 Hz in chunks of 17: the recording" in printed
    if built.machine is ARM:
        assert "neon resampling" in printed


@pytest.mark.parametrize("machine", ["aarch64", "armv7"])
def test_the_floats_of_a_host_change_nothing_and_stay_on_arm(machine, request, data_folder, tmp_path):
    """`tests/field/hosts/floats.c` has the environments; the emulator has Arm's registers."""
    built = request.getfixturevalue(machine)
    source, program = ROOT / "tests" / "field" / "hosts" / "floats.c", tmp_path / "floats"
    lib = built.prefix / "lib"
    options = ("-std=gnu99", "-O1", f"-I{built.prefix}/include", f"-L{lib}", "-lecg2lab", "-lm", f"-Wl,-rpath,{lib}")
    succeeded(built.zig, "cc", "-target", built.machine.target, source, "-o", program, *options)
    ecg2lab.read(data_folder / "HR06000.hea").samples.tofile(tmp_path / "ecg")
    environment = {**os.environ, "ECG2LAB_DEMO": str(DEMO), "ECG2LAB_ECG": str(tmp_path / "ecg")}
    assert succeeded(*built.runner, program, env=environment) == ""


def test_aarch64_loads_on_jetpack_5(aarch64):
    """No symbol of the C library is newer than the oldest that is promised, and no other library is needed."""
    library = aarch64.prefix / "lib" / "libecg2lab.so"
    listed = succeeded(find_binutils("readelf"), "--wide", "--dyn-syms", "--dynamic", library)
    versions = {tuple(map(int, found.split("."))) for found in re.findall(r"GLIBC_([0-9.]+)", listed)}
    assert versions
    assert max(versions) <= OLDEST_GLIBC
    assert ARM.target.endswith(".".join(map(str, OLDEST_GLIBC)))
    needed = {name.split(".")[0] for name in re.findall(r"NEEDED.*\[(.*)\]", listed)}
    assert needed <= {"libc", "libm", "libpthread", "libdl", "ld-linux-aarch64"}


def test_the_dll_of_windows_shows_only_our_names_and_needs_only_windows(windows):
    """The C runtime is the one that Windows 10 has (UCRT): no DLL of a compiler is needed."""
    listed = succeeded(find_binutils("objdump"), "-p", windows.prefix / "bin" / "ecg2lab.dll")
    exported = re.findall(r"^\s*\[ *\d+\] (\w+)$", listed.split("[Ordinal/Name Pointer] Table")[1], re.MULTILINE)
    assert "ecg2lab_predict" in exported
    assert all(name.startswith("ecg2lab_") for name in exported)
    needed = {name.lower() for name in re.findall(r"DLL Name: (.*)", listed)}
    assert {name for name in needed if not name.startswith("api-ms-win-crt-")} <= {"kernel32.dll"}


def test_the_library_of_arm_is_hardened(aarch64):
    assert elf_lacks(aarch64.prefix / "lib" / "libecg2lab.so") == []
    assert objects_without(aarch64.prefix / "lib" / ARM.archive, "BTI, PAC") == []


def test_the_dll_is_hardened_and_says_its_version(windows):
    """What a right click shows, from the one version that there is."""
    library = windows.prefix / "bin" / "ecg2lab.dll"
    assert dll_lacks(library) == []
    version = importlib.metadata.version("ecg2lab")
    assert dll_versions(library) == (f"{version}.0",) * 2
    assert "Not for clinical use".encode("utf-16le") in library.read_bytes()


def test_windows_opens_a_path_in_utf8(windows, tmp_path):
    """Letters of three scripts in one name: no code page of Windows has them all."""
    folder = tmp_path / "Käse Ωμέγα"
    folder.mkdir()
    shutil.copy(DEMO, folder / "模型.ecg2lab")
    path = f"{folder.name}/模型.ecg2lab".encode()
    spelled = "".join(f"\\{byte:03o}" for byte in path)
    source = tmp_path / "load.c"
    source.write_text(
        "#include <ecg2lab.h>\n#include <stdio.h>\nint main(void) {\n  ecg2lab_model* model = NULL;\n"
        f'  ecg2lab_status status = ecg2lab_load("{spelled}", NULL, &model);\n'
        "  puts(ecg2lab_last_error());\n  ecg2lab_free(model);\n  return (int)status;\n}\n"
    )
    succeeded(*windows.compile(source, "shared", tmp_path), cwd=tmp_path)
