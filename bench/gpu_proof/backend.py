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
from ecg2lab.proof.parity import logit_error, logit_limit

CALLS = 200
NOTHING_PROVED = 4


def main(name: str, path: str) -> int:
    """Print device, error, limit and milliseconds as JSON; 4 and a sentence where the GPU cannot be had."""
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
        apart = logit_error(engine.run(*inputs), golden["logits"])
        limit = _limit(bundle, name)
        times = _milliseconds(engine, [array[:1] for array in inputs])
        info = engine.info
    figures = {"backend": name, "provider": info.provider, "device": info.device, "versions": info.versions}
    print(json.dumps({**figures, "error": apart, "limit": limit, **times}))  # noqa: T201
    return 0 if apart <= limit else 1


def _limit(bundle: Bundle, name: str) -> float:
    """TensorRT sums in an order of its own, and has the limit by which its engines are accepted."""
    if name != "tensorrt":
        return logit_limit(bundle)
    from ecg2lab.backends.tensorrt.build import golden_tolerance

    return golden_tolerance(bundle, bundle.manifest.precision)


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
