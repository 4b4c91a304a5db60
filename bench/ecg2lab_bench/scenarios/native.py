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
from ecg2lab_bench.measuring import machine, workload
from ecg2lab_bench.measuring.floors import Products, candidates
from ecg2lab_bench.measuring.libraries import LeftOut
from ecg2lab_bench.measuring.models import BATCHES
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Timing
from ecg2lab_bench.measuring.timing import Subject, Tell, silent, timings
from ecg2lab_bench.peers.cauchy import Cauchy, by_keops, by_pytorch
from ecg2lab_bench.peers.published_pipeline import published_pipeline
from ecg2lab_bench.scenarios import preparation
from ecg2lab_bench.scenarios.native_results import NativeResults, NetworkTime, WholeTime
from ecg2lab_bench.scenarios.native_results import page as page
from ecg2lab_bench.synthetic import export_network, random_network
from ecg2lab_export.network.fusion import StoredNetwork

PRECISIONS = ("fp32", "bf16", "int8")
AUTHORS: dict[str, Callable[[], Cauchy]] = {
    "authors' pipeline, KeOps": by_keops,
    "authors' pipeline, PyTorch": lambda: by_pytorch,
}
"""By what adds up the terms of their kernels: the published code uses KeOps."""
SMALL = {"hidden": 64, "targets": 30}
"""Sizes of a quick run: to export a network of the published sizes takes minutes."""
draw: Callable[..., StoredNetwork] = random_network
"""A network with random weights, of the published sizes but for what is said."""


class _Key(NamedTuple):
    """What a time belongs to."""

    precision: str
    batch: int


class _Floor(NamedTuple):
    """The fastest, and who reached it."""

    p50_ms: float
    by: str


def run(plan: Plan, tell: Tell = silent) -> NativeResults:
    """Time the network of the published sizes, or quickly a small one; each part has a third of the budget."""
    host = machine.describe()
    left_out: dict[str, str] = {}
    network = draw(**SMALL if plan.quick else {})
    with tempfile.TemporaryDirectory() as folder:
        bundle = Bundle.open(export_network(network, Path(folder) / "random.ecg2lab"))
    precisions = list(_precisions(bundle, left_out))
    share = plan.budget_s / 3
    return NativeResults(
        machine=host,
        hidden=len(network.encoder_bias),
        targets=len(network.head_bias),
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
    bundle: Bundle, precisions: list[str], budget_s: float, left_out: dict[str, str], tell: Tell
) -> Iterator[NetworkTime]:
    """Engines and floors of one number of threads at a time: libraries have one count for the process."""
    counts = [1, 2] if usable_cpus() > 1 else [1]
    if len(counts) == 1:
        left_out["two threads"] = "this process may use one CPU"
    alone: dict[tuple[str, int], float] = {}
    for threads in counts:
        with ExitStack() as undo:
            subjects = list(_beside_floors(bundle, precisions, threads, undo, left_out))
            times = timings([subject for _, subject in subjects], budget_s / len(counts), tell)
        timed = [(key, subject, timing) for (key, subject), timing in zip(subjects, times, strict=True)]
        for key, floor, timing in _over_fastest(timed):
            p50 = timing.p50_ms
            yield NetworkTime(
                precision=key.precision,
                threads=threads,
                batch=key.batch,
                timing=timing,
                floor_ms=floor.p50_ms,
                floor_by=floor.by,
                ratio=p50 / floor.p50_ms,
                against_one_thread=alone.setdefault((key.precision, key.batch), p50) / p50,
            )


def _beside_floors(
    bundle: Bundle, precisions: list[str], threads: int, undo: ExitStack, left_out: dict[str, str]
) -> Iterator[tuple[_Key, Subject]]:
    """The engine of each precision and batch, behind its floors."""
    for precision in precisions:
        engine = undo.enter_context(_load(bundle, precision, threads))
        for batch in BATCHES:
            key = _Key(precision, batch)
            floors, missing = candidates(Products.of(bundle, batch), threads, undo, precision)
            left_out.update(missing)
            for name, call in floors.items():
                yield key, Subject(None, "floor", name, batch, call)
            inputs = workload.network_inputs(bundle.contract, batch)
            yield key, Subject(None, "bare", "native", batch, partial(engine.run, *inputs))


def _over_fastest(timed: list[tuple[_Key, Subject, Timing]]) -> Iterator[tuple[_Key, _Floor, Timing]]:
    """Each engine that has a floor, with the fastest one."""
    floors: dict[_Key, _Floor] = {}
    for key, subject, timing in timed:
        if subject.name == "floor":
            floor = _Floor(timing.p50_ms, subject.implementation)
            floors[key] = min(floors.get(key, floor), floor)
        elif key in floors:
            yield key, floors[key], timing


def _load(bundle: Bundle, precision: str, threads: int) -> Engine:
    return ecg2lab.load(bundle, backend="native", precision=precision, threads=threads)


def _whole(
    bundle: Bundle,
    network: StoredNetwork,
    precisions: list[str],
    budget_s: float,
    left_out: dict[str, str],
    tell: Tell,
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
        times = timings(subjects, budget_s, tell)
    medians = {s.implementation: t.p50_ms for s, t in zip(subjects, times, strict=True)}
    for subject, timing in zip(subjects, times, strict=True):
        faster_than = {name: medians[name] / timing.p50_ms for name in AUTHORS if name in medians}
        yield WholeTime(implementation=subject.implementation, timing=timing, faster_than=faster_than)
