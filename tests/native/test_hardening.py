"""What makes a hole harder to use, read from this machine's library; test_other_machines.py reads the others."""

import re

import pytest
from hardened import elf_lacks, objects_without
from native_tools import CC, completed, find_binutils, succeeded

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def shared(c_package):
    return c_package / "lib" / "libecg2lab.so"


def test_the_library_is_hardened(shared):
    assert elf_lacks(shared) == []
    asked = succeeded(find_binutils("nm"), "-D", "--undefined-only", shared)
    assert "__memcpy_chk" in asked  # _FORTIFY_SOURCE


def test_every_object_of_ours_takes_jumps_only_where_they_are_meant(c_package):
    """Of the whole library that cannot be said: Debian's crti.o is not marked so."""
    arm = "aarch64" in succeeded(CC, "-dumpmachine")
    flag, mark = ("-mbranch-protection=standard", "BTI, PAC") if arm else ("-fcf-protection", "IBT, SHSTK")
    if completed(CC, flag, "-E", "-x", "c", "/dev/null").returncode != 0:
        pytest.skip(f"the compiler has no {flag}")
    assert objects_without(c_package / "lib" / "libecg2lab.a", mark) == []


def test_the_name_that_programs_ask_for_is_that_of_the_interface(c_package, shared):
    """libecg2lab.so.1 for all that was compiled against it; the file's own name adds the ABI version."""
    assert "Library soname: [libecg2lab.so.1]" in succeeded(find_binutils("readelf"), "-d", shared)
    header = (c_package / "include" / "ecg2lab.h").read_text()
    version = re.search(r"#define ECG2LAB_ABI_VERSION (\d+)", header)[1]
    assert shared.resolve().name == f"libecg2lab.so.1.{version}"
    assert (c_package / "lib" / "libecg2lab.so.1").resolve() == shared.resolve()
