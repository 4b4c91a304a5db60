"""`python bench/gpu_proof FOLDER`: every step in a process of its own, so that a crash is a result too.

Nothing is installed: a step that lacks something says what. Where there is a GPU, FOLDER gets a file named after it and
the day. Exit code: 0 a GPU computed the model right and nothing failed, 1 something failed, 4 nothing was proved.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "sdk" / "ecg2lab" / "demo" / "demo.ecg2lab"
LIMIT_S = 8 * 60
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
PROVED_CODE, FAILED_CODE, NOTHING_PROVED = 0, 1, 4


class Step(NamedTuple):
    """One command: what it is, and how much of the eight minutes it may take."""

    name: str
    command: tuple[str, ...]
    most_s: float


class Done(NamedTuple):
    """What became of a step."""

    name: str
    outcome: str
    why: str
    seconds: float
    figures: Any = None


def environment() -> dict[str, str]:
    """The sources of this checkout, and no download."""
    sources = os.pathsep.join(str(ROOT / river) for river in ("sdk", "export", "training", "bench"))
    return {**os.environ, "PYTHONPATH": sources, "PIP_NO_INDEX": "1", "COLUMNS": "120"}


def steps(python: str) -> list[Step]:
    """All of them, in order; those that prove most come first."""
    here, build = Path(__file__).parent, ROOT / "build" / "gpu"
    backends = [
        Step(f"{name}: golden outputs and latency", (python, str(here / "backend.py"), name, str(DEMO)), 90)
        for name in ("webgpu", "onnxruntime-cuda", "tensorrt", "torch")
    ]
    return [
        Step("extension", (python, str(here / "extension.py"), str(build)), 240),
        Step("tensorrt: build an engine", (python, "-m", "ecg2lab", "build", str(DEMO)), 120),
        *backends,
        Step("selftest", (python, "-m", "ecg2lab", "selftest", str(DEMO), "--json"), 60),
        Step(
            "tests that need a GPU",
            (python, "-m", "pytest", "-m", "gpu", "-q", "-rs", str(ROOT / "tests" / "sdk")),
            120,
        ),
        Step("bench run", (python, "-m", "ecg2lab", "bench", "run", str(DEMO), "--quick", "--json"), 120),
    ]


def gpus() -> list[str]:
    """Name and driver of each: as nvidia-smi says, and as WebGPU sees those of other makers; no software adapter."""
    listed, adapters = _nvidia_gpus(), _devices().get("gpus", [])
    return listed + [
        f"{adapter['name']}, {adapter['api']}, {adapter['driver']}"
        for adapter in adapters
        if adapter["kind"] != "software" and not any(adapter["name"] in other for other in listed)
    ]


def _devices() -> dict[str, Any]:
    """What `ecg2lab devices` says; nothing without the native core, as before it is built."""
    command = (sys.executable, "-m", "ecg2lab", "devices", "--json")
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment())
        found: dict[str, Any] = json.loads(said.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    return found


def _nvidia_gpus() -> list[str]:
    query = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in listed.splitlines() if line.strip()]


def carry_out(step: Step, seconds_left: float) -> Done:
    """Run a step; code 4 says that it could not run, any other that it failed, the last line why."""
    limit = min(step.most_s, seconds_left)
    if limit < 1:
        return Done(step.name, NOT_RUN, f"the {LIMIT_S // 60} minutes are over", 0.0)
    start = time.monotonic()
    try:
        ran = subprocess.run(step.command, capture_output=True, text=True, timeout=limit, env=environment(), cwd=ROOT)
    except subprocess.TimeoutExpired:
        if limit < step.most_s:
            return Done(step.name, NOT_RUN, f"the {LIMIT_S // 60} minutes were over", time.monotonic() - start)
        return Done(step.name, FAILED, f"it did not end within {limit:.0f} s", time.monotonic() - start)
    outcome, why = judged(ran.returncode, ran.stdout + ran.stderr)
    return Done(step.name, outcome, why, round(time.monotonic() - start, 1), figures(ran.stdout))


def judged(code: int, printed: str) -> tuple[str, str]:
    """Outcome and reason: an extra that is not installed, and tests that were all skipped, are nothing that failed."""
    lines = printed.strip().splitlines() or [""]
    skipped = [line for line in lines if line.startswith("SKIPPED")]
    if code == 0 and skipped and " passed" not in lines[-1]:
        return NOT_RUN, skipped[0]
    if code == 0:
        return PASSED, ""
    return (NOT_RUN if code == NOTHING_PROVED or "ecg2lab[" in lines[-1] else FAILED), lines[-1]


def figures(printed: str) -> Any:
    """JSON where a step prints JSON, else its last line."""
    lines = printed.strip().splitlines() or [""]
    try:
        return json.loads(printed if printed.lstrip().startswith("{") else lines[-1])
    except ValueError:
        return lines[-1]


def versions() -> dict[str, str]:
    """Of what is installed and could take part."""
    from importlib import metadata

    runtimes = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-webgpu", "onnxruntime-ep-webgpu")
    names = ("numpy", *runtimes, "tensorrt", "tensorrt-rtx", "torch", "onnx", "pytest")
    installed = {name: [d.version for d in metadata.distributions(name=name)] for name in names}
    return {name: copies[0] for name, copies in installed.items() if copies}


def verdict(gpus_here: list[str], done: list[Done]) -> tuple[int, str]:
    """Exit code and the sentence for it."""
    if not gpus_here:
        return NOTHING_PROVED, "nothing was proved: there is no GPU here"
    failed = [step.name for step in done if step.outcome == FAILED]
    if failed:
        return FAILED_CODE, f"failed: {', '.join(failed)}"
    proved = [step.name.partition(":")[0] for step in done if step.name.endswith("latency") and step.outcome == PASSED]
    if not proved:
        return NOTHING_PROVED, "nothing was proved: no backend here runs on the GPU"
    return PROVED_CODE, f"computed right on the GPU: {', '.join(proved)}"


def main(folder: Path) -> int:
    """Say what is here, and write the result or say what would have been done."""
    start = time.monotonic()
    gpus_here = gpus()
    done: list[Done] = []
    if not gpus_here:
        code, sentence = verdict(gpus_here, done)
        names = "".join(f"\n  {step.name}" for step in steps(sys.executable))
        print(f"{sentence}: neither nvidia-smi nor `ecg2lab devices` names one. With one would have run:{names}")  # noqa: T201
        return code
    for step in steps(sys.executable):
        done.append(carry_out(step, LIMIT_S - (time.monotonic() - start)))
        print(f"{done[-1].outcome:8} {step.name} {done[-1].why}", flush=True)  # noqa: T201
    code, sentence = verdict(gpus_here, done)
    result = {
        "result": sentence,
        "exit_code": code,
        "machine": {"cpu": _devices().get("cpu") or platform.machine(), "system": platform.platform()},
        "gpus": gpus_here,
        "versions": {"python": platform.python_version(), **versions()},
        "seconds": round(time.monotonic() - start, 1),
        "steps": [step._asdict() for step in done],
    }
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", gpus_here[0].partition(",")[0].lower()).strip("-")
    out = folder / f"gpu-{name}-{time.strftime('%Y-%m-%d')}.json"
    out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(f"{sentence} ({out})")  # noqa: T201
    return code


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    sys.exit(main(Path(sys.argv[1])))
