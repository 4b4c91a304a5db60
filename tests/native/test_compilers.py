"""An older compiler takes the core without a warning: GCC 11, which JetPack 6 and Ubuntu 22.04 have."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.system
ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
CROSS = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")
COMPILERS = {
    "g++-11": ((), (), "g++-11"),
    "aarch64-linux-gnu-g++-11": (
        CROSS,
        ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"),
        "g++-11-aarch64-linux-gnu and qemu-user",
    ),
}


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("compiler", COMPILERS)
def test_it_compiles_the_core_and_the_core_computes(compiler, cmake):
    """With -Werror. The programs hold every instruction set to the portable one, and a stream to its recording."""
    options, emulator, packages = COMPILERS[compiler]
    if any(shutil.which(tool) is None for tool in (compiler, *emulator[:1])):
        pytest.skip(f"no {compiler} here (Debian: {packages})")
    if options and platform.machine() == "aarch64":
        pytest.skip("this machine is no other machine")
    made = ROOT / "build" / "cross" / f"gcc-11-{'aarch64' if options else platform.machine()}"
    options = (*options, f"-DCMAKE_CXX_COMPILER={compiler}", "-DECG2LAB_TESTS=ON", "-DECG2LAB_WERROR=ON")
    run(cmake, "-S", NATIVE, "-B", made, *options)
    run(cmake, "--build", made, "--parallel", 2)
    assert "portable fp32: 0 from portable" in run(*emulator, made / "test_instruction_sets")
    assert "stream at 500 Hz in chunks of 17: the recording" in run(*emulator, made / "test_preparation")
