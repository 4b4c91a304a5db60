"""Scenario `native`: the native engine beside its floors, a whole ECG beside the authors' pipeline, preprocessing.

Glossary: the *floor* is the four dense products alone in the same precision, by the fastest library at hand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import ecg2lab
from ecg2lab._native import _core
from ecg2lab.backends.native import computes
from ecg2lab.bundle import Bundle
from ecg2lab.engine import Engine
from ecg2lab.loading import usable_cpus
from ecg2lab_bench import machine, preparation, workload
from ecg2lab_bench.cauchy import Cauchy, by_keops, by_pytorch
from ecg2lab_bench.floors import Candidate, LeftOut, Products, candidates
from ecg2lab_bench.laboratory import Plan
from ecg2lab_bench.native_report import NativeResults, NetworkTime, WholeTime
from ecg2lab_bench.published_pipeline import published_pipeline
from ecg2lab_bench.reduced_floors import reduced_candidates
from ecg2lab_bench.results import Timing, now
from ecg2lab_bench.subjects import BATCHES
from ecg2lab_bench.synthetic import export_network, random_network
from ecg2lab_bench.timing import Subject, Tell, interleave, summarise
from ecg2lab_export.network.fusion import StoredNetwork

PRECISIONS = ("fp32", "bf16", "int8")
AUTHORS: dict[str, Callable[[], Cauchy]] = {
    "authors' pipeline, KeOps": by_keops,
    "authors' pipeline, PyTorch": lambda: by_pytorch,
}
"""By what adds up the terms of their kernels: the published code uses KeOps."""
draw: Callable[[], StoredNetwork] = random_network
"""The network of the published sizes, with random weights."""


class _Key(NamedTuple):
    """What a time belongs to."""

    precision: str
    threads: int
    batch: int


def run(plan: Plan, tell: Tell | None = None) -> NativeResults:
    """Time the network of the published sizes.

    Parameters
    ----------
    plan
        For its budget, a third of it for each part.
    tell
        Told after each round.
    """
    host = machine.describe()
    left_out: dict[str, str] = {}
    network = draw()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Bundle.open(export_network(network, Path(folder) / "random.ecg2lab"))
    precisions = list(_precisions(bundle, left_out))
    share = plan.budget_s / 3
    return NativeResults(
        created=now(),
        machine=host,
        instruction_sets={p: _core.instruction_sets(p)[0] for p in precisions},
        networks=tuple(_networks(bundle, precisions, share, left_out, tell)),
        whole=tuple(_whole(bundle, network, precisions, share, left_out, tell)),
        preparation=preparation.measure(share, tell),
        left_out=left_out,
    )


def _precisions(bundle: Bundle, left_out: dict[str, str]) -> Iterator[str]:
    """Those that this CPU has, and whose gate the network passed."""
    for precision in PRECISIONS:
        if not computes(precision):
            left_out[precision] = "this CPU has no instructions for it"
        elif precision != bundle.manifest.precision and precision not in bundle.manifest.gates:
            left_out[precision] = "random weights did not pass its gate"
        else:
            yield precision


def _networks(
    bundle: Bundle, precisions: list[str], budget_s: float, left_out: dict[str, str], tell: Tell | None
) -> Iterator[NetworkTime]:
    """Engines and floors of one number of threads at a time: libraries have one count for the process."""
    counts = [1, 2] if usable_cpus() > 1 else [1]
    if len(counts) == 1:
        left_out["two threads"] = "this process may use one CPU"
    alone: dict[tuple[str, int], float] = {}
    for threads in counts:
        for key, (timing, floor, name) in _of_threads(
            bundle, precisions, threads, budget_s / len(counts), left_out, tell
        ).items():
            if threads == 1:
                alone[key.precision, key.batch] = timing.p50_ms
            yield NetworkTime(
                precision=key.precision,
                threads=threads,
                batch=key.batch,
                timing=timing,
                floor_ms=floor,
                floor_by=name,
                ratio=timing.p50_ms / floor,
                against_one_thread=alone[key.precision, key.batch] / timing.p50_ms,
            )


def _of_threads(
    bundle: Bundle, precisions: list[str], threads: int, budget_s: float, left_out: dict[str, str], tell: Tell | None
) -> dict[_Key, tuple[Timing, float, str]]:
    """Timing, floor and who reached it."""
    with ExitStack() as undo:
        subjects, keys = [], []
        for precision in precisions:
            engine = undo.enter_context(_load(bundle, precision, threads))
            for batch in BATCHES:
                key = _Key(precision, threads, batch)
                for name, call in _floors(bundle, key, undo, left_out).items():
                    subjects.append(Subject(None, "floor", name, batch, call))
                    keys.append(key)
                inputs = workload.network_inputs(bundle.contract, batch)
                subjects.append(Subject(None, "bare", "native", batch, partial(engine.run, *inputs)))
                keys.append(key)
        timings = [summarise(x) for x in interleave(subjects, budget_s, tell)]
    floors: dict[_Key, tuple[float, str]] = {}
    for subject, key, timing in zip(subjects, keys, timings, strict=True):
        if subject.name == "floor":
            found = timing.p50_ms, subject.implementation
            floors[key] = min(floors.get(key, found), found)
    own = zip(subjects, keys, timings, strict=True)
    return {key: (timing, *floors[key]) for subject, key, timing in own if subject.name == "bare" and key in floors}


def _load(bundle: Bundle, precision: str, threads: int) -> Engine:
    return ecg2lab.load(bundle, backend="native", precision=precision, threads=threads)


def _floors(bundle: Bundle, key: _Key, undo: ExitStack, left_out: dict[str, str]) -> dict[str, Candidate]:
    shape = bundle.manifest.network
    rows = key.batch * bundle.contract.signal.window_samples
    products = Products(rows=rows, channels=shape["hidden"], layers=shape["layers"])
    if key.precision == "fp32":
        found, missing = candidates(products, key.threads, undo)
    else:
        found, missing = reduced_candidates(products, key.precision, key.threads, undo)
    left_out.update(missing)
    return found


def _whole(
    bundle: Bundle,
    network: StoredNetwork,
    precisions: list[str],
    budget_s: float,
    left_out: dict[str, str],
    tell: Tell | None,
) -> Iterator[WholeTime]:
    """From raw samples to probabilities on one thread; the last ones are the authors' pipeline."""
    recording = workload.recording()
    with ExitStack() as undo:
        subjects = []
        for precision in precisions:
            engine = undo.enter_context(_load(bundle, precision, 1))
            call = partial(engine.predict, recording, workload.PATIENT)
            subjects.append(Subject(None, "end to end", f"native, {precision}", 1, call))
        inputs = workload.network_inputs(bundle.contract, 1)
        for name, cauchy in AUTHORS.items():
            try:
                authors = published_pipeline(network, 1, undo, cauchy())
            except LeftOut as reason:
                left_out[name] = str(reason)
            else:
                subjects.append(Subject(None, "end to end", name, 1, partial(authors, recording, inputs)))
        timings = [summarise(x) for x in interleave(subjects, budget_s, tell)]
    medians = {s.implementation: t.p50_ms for s, t in zip(subjects, timings, strict=True)}
    for subject, timing in zip(subjects, timings, strict=True):
        faster_than = {name: medians[name] / timing.p50_ms for name in AUTHORS if name in medians}
        yield WholeTime(implementation=subject.implementation, timing=timing, faster_than=faster_than)
