"""One backend on the GPU: a bundle's golden outputs again, then its time beside the CPU engine's, in turns.

`backend.py NAME BUNDLE [--allow-software]`
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import ecg2lab
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, SIGNAL
from ecg2lab.demo import record_path
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.proof.parity import Tolerances, feature_error, logit_error, tolerances
from ecg2lab_bench.measuring.workload import PATIENT

BEDS = 16
BUDGET_S, MOST_CALLS = 8.0, 400
"""Of one case."""
IDLE_S, IDLE_CALLS = 0.1, 100
NOTHING_PROVED = 4
Call = Callable[[], object]


def main(name: str, path: str, *options: str) -> int:
    """Print device, errors, limits and milliseconds as JSON; 4 and a sentence where the GPU cannot be had."""
    bundle, software = Bundle.open(path), "--allow-software" in options
    try:
        engine = ecg2lab.load(bundle, backend=name, allow_software=software)
    except (BackendError, MissingExtraError) as error:
        return _say(str(error))
    with engine, ecg2lab.load(bundle, backend="native", threads=1) as cpu:
        if engine.info.device == "cpu":
            return _say(f"{name} computes on the CPU here")
        golden = read_golden(bundle)
        inputs = [golden[part] for part in (SIGNAL, CONTINUOUS, CATEGORICAL)]
        outputs, limits = engine.outputs(*inputs), _tolerances(bundle, name)
        apart = {"error": logit_error(outputs.logits, golden["logits"]), "limit": limits.logits}
        if outputs.features is not None:
            of_features = feature_error(outputs.features, golden["features"])
            apart |= {"feature_error": of_features, "feature_limit": limits.features}
        good = apart["error"] <= apart["limit"] and apart.get("feature_error", 0.0) <= limits.features
        both = {name: engine, "native": cpu}
        times = {case: _in_turns(calls, idle) for case, calls, idle in _cases(both, inputs)} if good else {}
        info = engine.info
    figures = {"backend": name, "provider": info.provider, "device": info.device, "versions": info.versions}
    print(json.dumps({**figures, **apart, "milliseconds": times}))  # noqa: T201
    return 0 if good else 1


def _tolerances(bundle: Bundle, name: str) -> Tolerances:
    """TensorRT sums in an order of its own, and has the limits by which its engines are accepted."""
    if name != "tensorrt":
        return tolerances(bundle)
    from ecg2lab.backends.tensorrt.build import golden_tolerances

    return golden_tolerances(bundle, bundle.manifest.precision)


def _cases(engines: Mapping[str, ecg2lab.Engine], inputs: list[np.ndarray]) -> list[tuple[str, dict[str, Call], float]]:
    """What is timed: the public calls, and how long each waits before it."""
    one = [array[:1] for array in inputs]
    beds = [np.resize(array, (BEDS, *array.shape[1:])) for array in inputs]
    window = {name: lambda engine=engine: engine.run(*one) for name, engine in engines.items()}
    cases: list[tuple[str, dict[str, Any], float]] = [
        ("one window", window, 0.0),
        (f"{BEDS} beds", {name: lambda engine=engine: engine.run(*beds) for name, engine in engines.items()}, 0.0),
        (f"one window after {IDLE_S} s of idleness", window, IDLE_S),
    ]
    try:
        recording = ecg2lab.read(record_path())
    except MissingExtraError:  # the format of the packaged ECG
        return cases
    whole = {name: lambda engine=engine: engine.predict(recording, PATIENT) for name, engine in engines.items()}
    return [*cases, ("a whole ECG", whole, 0.0)]


def _in_turns(calls: Mapping[str, Call], idle_s: float) -> dict[str, dict[str, float]]:
    """Median and 99th percentile of each, called one after another until the time is spent."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    begin, most = time.monotonic(), IDLE_CALLS if idle_s else MOST_CALLS
    for call in calls.values():
        call()
    for _ in range(most):
        for name, call in calls.items():
            time.sleep(idle_s)
            start = time.perf_counter()
            call()
            taken[name].append(1e3 * (time.perf_counter() - start))
        if not idle_s and time.monotonic() - begin > BUDGET_S:
            break
    return {
        name: {"p50": statistics.median(ms), "p99": sorted(ms)[int(0.99 * len(ms))], "calls": len(ms)}
        for name, ms in taken.items()
    }


def _say(reason: str) -> int:
    print(reason)  # noqa: T201
    return NOTHING_PROVED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
