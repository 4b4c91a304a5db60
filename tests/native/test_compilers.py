"""An older compiler takes the core without a warning: GCC 11, which JetPack 6 and Ubuntu 22.04 have."""

import platform
import shutil

import pytest
from native_tools import NATIVE, ROOT, succeeded

pytestmark = pytest.mark.system
CROSS = ("-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64")
COMPILERS = {
    "g++-11": ((), (), "g++-11"),
    "aarch64-linux-gnu-g++-11": (
        CROSS,
        ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"),
        "g++-11-aarch64-linux-gnu and qemu-user",
    ),
}


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
    succeeded(cmake, "-S", NATIVE, "-B", made, *options)
    succeeded(cmake, "--build", made, "--parallel", 2)
    assert "portable fp32: 0 from portable" in succeeded(*emulator, made / "test_instruction_sets")
    assert "stream at 500 Hz in chunks of 17: the recording" in succeeded(*emulator, made / "test_preparation")
