"""CPU features: against what Linux says, and against the rule that the operating system must keep the registers."""

import platform
from pathlib import Path

import pytest

from ecg2lab._native import _core
from ecg2lab.errors import BackendError
from ecg2lab.system import cpu

CPUINFO = Path("/proc/cpuinfo")
X86 = {
    "sse4.1": "sse4_1", "sha": "sha_ni", "avx": "avx", "f16c": "f16c", "fma": "fma", "avx2": "avx2",
    "avxvnni": "avx_vnni", "avx512f": "avx512f", "avx512bw": "avx512bw", "avx512dq": "avx512dq", "avx512vl": "avx512vl",
    "avx512vnni": "avx512_vnni", "avx512bf16": "avx512_bf16", "avx512fp16": "avx512_fp16", "amx-tile": "amx_tile",
    "amx-int8": "amx_int8", "amx-bf16": "amx_bf16",
}  # fmt: skip
ARM = {
    "neon": "asimd", "sha2": "sha2", "fp16": "asimdhp", "dotprod": "asimddp", "i8mm": "i8mm", "bf16": "bf16",
    "sve": "sve",
}  # fmt: skip
"""Our names, and those of Linux."""
EVERYTHING = dict.fromkeys(("leaf1_ecx", "leaf7_ebx", "leaf7_ecx", "leaf7_edx", "leaf7_1_eax"), 0xFFFFFFFF)


@pytest.mark.skipif(not CPUINFO.exists(), reason="Linux only: nothing to compare with")
def test_features_are_those_that_linux_lists():
    names = X86 if platform.machine() in ("x86_64", "AMD64", "i686") else ARM
    lines = CPUINFO.read_text().splitlines()
    flags = next(x.partition(":")[2].split() for x in lines if x.startswith(("flags", "Features")))
    assert set(_core.cpu_features()) == {ours for ours, linux in names.items() if linux in flags}


@pytest.mark.parametrize(
    ("xcr0", "kept"),
    [
        (0x0, {"sse4.1", "sha"}),
        (0x2, {"sse4.1", "sha"}),  # SSE without the upper halves of AVX
        (0x7, {"sse4.1", "sha", "avx", "f16c", "fma", "avx2", "avxvnni"}),
        (0x67, {"sse4.1", "sha", "avx", "f16c", "fma", "avx2", "avxvnni"}),  # half of AVX-512's registers is not enough
        (0xE7, {name for name in X86 if not name.startswith("amx")}),
        (0x600E7, set(X86)),
    ],
)
def test_a_feature_counts_only_if_its_registers_are_kept(xcr0, kept):
    assert set(_core.decode_x86(**EVERYTHING, xcr0=xcr0)) == kept


@pytest.mark.parametrize(
    ("word", "bit", "name"),
    [
        ("leaf7_ebx", 5, "avx2"),
        ("leaf7_ecx", 11, "avx512vnni"),
        ("leaf7_1_eax", 4, "avxvnni"),
        ("leaf1_ecx", 12, "fma"),
    ],
)
def test_each_feature_has_its_own_bit(word, bit, name):
    assert _core.decode_x86(**{word: 1 << bit}, xcr0=0x600E7) == (name,)
    others = EVERYTHING | {word: 0xFFFFFFFF ^ 1 << bit}
    assert name not in _core.decode_x86(**others, xcr0=0x600E7)


@pytest.mark.parametrize("feature", ["avx512vnni", "avxvnni", "dotprod"])
def test_int8_needs_one_of_three(feature):
    cpu.require("int8", ("sse4.1", feature))
    with pytest.raises(BackendError, match="int8 needs a CPU with VNNI or, on Arm, dot-product instructions"):
        cpu.require("int8", tuple({*X86, *ARM} - {"avx512vnni", "avxvnni", "dotprod"}))


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_the_others_run_everywhere(precision):
    cpu.require(precision, ())


def test_the_cpu_has_a_name():
    assert cpu.name().strip()
