"""What machine this is, as far as it matters for a time."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from ecg2lab.loading import usable_cpus
from ecg2lab.system.extras import installed_version
from ecg2lab_bench.measuring.results import COMMIT, Machine

_CPUINFO = Path("/proc/cpuinfo")
_MODEL_FIELDS = ("model name", "Model", "Hardware")
_FLAG_FIELDS = ("flags", "Features")
_SIMD = (
    *("sse4_2", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni"),
    *("avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8"),
    *("neon", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2", "sme"),
)
_PACKAGES = (
    *("ecg2lab", "numpy", "scipy", "onnx", "onnxruntime"),
    *("openvino", "torch", "resampy", "pykeops", "threadpoolctl"),
)


def describe() -> Machine:
    """The machine as it is now."""
    fields = _cpuinfo(_CPUINFO)
    flags = next((fields[name].split() for name in _FLAG_FIELDS if name in fields), [])
    installed = {name: version for name in _PACKAGES if (version := installed_version(name))}
    return Machine(
        cpu=next((fields[name] for name in _MODEL_FIELDS if name in fields), platform.processor() or "unknown"),
        architecture=platform.machine(),
        cpus=os.cpu_count() or 1,
        usable_cpus=usable_cpus(),
        simd=tuple(name for name in _SIMD if name in flags),
        os=platform.platform(terse=True),
        load_average=_load_average(),
        versions={"python": platform.python_version(), **installed, **_commit(Path(__file__).parent)},
    )


def _commit(folder: Path) -> dict[str, str]:
    """Of the checkout that runs, with `+` where something differs from it; none where git knows of none."""
    command = ["git", "-C", str(folder), "describe", "--always", "--exclude=*", "--dirty=+"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return {}
    return {} if done.returncode else {COMMIT: done.stdout.strip()}


def _cpuinfo(path: Path) -> dict[str, str]:
    """Fields of the first processor; none where the file does not exist."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and value.strip():
            fields.setdefault(name.strip(), value.strip())
    return fields


def _load_average() -> tuple[float, float, float] | None:
    try:
        return os.getloadavg()
    except (AttributeError, OSError):  # Windows has none
        return None
