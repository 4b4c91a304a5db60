"""One backend on the GPU: the golden outputs of a bundle again, then the time of a window. `backend.py NAME BUNDLE`."""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np

import ecg2lab
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.errors import BackendError, MissingExtraError
from ecg2lab.proof.parity import Tolerances, feature_error, logit_error, tolerances

CALLS = 200
NOTHING_PROVED = 4


def main(name: str, path: str) -> int:
    """Print device, errors, limits and milliseconds as JSON; 4 and a sentence where the GPU cannot be had."""
    bundle = Bundle.open(path)
    try:
        engine = ecg2lab.load(bundle, backend=name)
    except (BackendError, MissingExtraError) as error:
        return _say(str(error))
    with engine:
        if engine.info.device == "cpu":
            return _say(f"{name} computes on the CPU here")
        golden = read_golden(bundle)
        inputs = [golden[part] for part in ("signal", "continuous", "categorical")]
        outputs, limits = engine.outputs(*inputs), _tolerances(bundle, name)
        apart = {"error": logit_error(outputs.logits, golden["logits"]), "limit": limits.logits}
        if outputs.features is not None:
            of_features = feature_error(outputs.features, golden["features"])
            apart |= {"feature_error": of_features, "feature_limit": limits.features}
        times = _milliseconds(engine, [array[:1] for array in inputs])
        info = engine.info
    figures = {"backend": name, "provider": info.provider, "device": info.device, "versions": info.versions}
    print(json.dumps({**figures, **apart, **times}))  # noqa: T201
    good = apart["error"] <= apart["limit"] and apart.get("feature_error", 0.0) <= limits.features
    return 0 if good else 1


def _tolerances(bundle: Bundle, name: str) -> Tolerances:
    """TensorRT sums in an order of its own, and has the limits by which its engines are accepted."""
    if name != "tensorrt":
        return tolerances(bundle)
    from ecg2lab.backends.tensorrt.build import golden_tolerances

    return golden_tolerances(bundle, bundle.manifest.precision)


def _milliseconds(engine: ecg2lab.Engine, window: list[np.ndarray]) -> dict[str, float]:
    taken = []
    for _ in range(CALLS):
        start = time.perf_counter()
        engine.run(*window)
        taken.append(1e3 * (time.perf_counter() - start))
    return {"median_ms": statistics.median(taken), "p99_ms": sorted(taken)[int(0.99 * CALLS)]}


def _say(reason: str) -> int:
    print(reason)  # noqa: T201
    return NOTHING_PROVED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
