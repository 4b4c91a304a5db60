"""Scenario `engine`: what a user gets, from the bare network to a whole prediction, beside its floor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import ecg2lab
from ecg2lab import contract
from ecg2lab_bench.measuring import floors, machine, models, workload
from ecg2lab_bench.measuring.against_floors import measure
from ecg2lab_bench.measuring.floors import Products
from ecg2lab_bench.measuring.models import BATCHES, LoadedModel
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Results
from ecg2lab_bench.measuring.timing import Subject, Tell, silent
from ecg2lab_bench.report.engine import page as page


def run(plan: Plan, tell: Tell = silent) -> Results:
    """Time engines beside their floors.

    Raises
    ------
    BundleError, BackendError
        If a bundle or the number of threads cannot be had.
    PatientError, RecordingError, QualityError
        If the bundle's contract refuses the bench's adult, twelve-lead recording.
    """
    host = machine.describe()  # first, while the load average still tells of others
    left_out: dict[str, str] = {}
    with ExitStack() as undo:
        loaded = models.load(plan, undo)
        timed = [subject for model in loaded for subject in _subjects(model, plan.threads, undo, left_out)]
        return measure("engine", plan, host, loaded, [*timed, _preprocessing()], left_out, tell)


def _subjects(model: LoadedModel, threads: int, undo: ExitStack, left_out: dict[str, str]) -> Iterator[Subject]:
    """Each batch size with its floors first."""
    windows = workload.windows_of(model.bundle.contract)
    for batch in sorted({*BATCHES, windows} - {0}):
        products = Products.of(model.bundle, batch)
        libraries, missing = floors.candidates(products, threads, undo)
        left_out.update(missing)
        for name, call in libraries.items():
            yield Subject(model.key, "floor", name, batch, call, products.flops)
        yield from _network(model, batch, whole=batch == windows)


def _network(model: LoadedModel, batch: int, whole: bool) -> Iterator[Subject]:
    backend = model.engine.info.backend
    inputs = workload.network_inputs(model.bundle.contract, batch)
    yield Subject(model.key, "bare", backend, batch, partial(model.engine.run, *inputs))
    if whole:
        answer = partial(model.engine.predict, workload.recording(), workload.PATIENT)
        answer()  # a refusal comes now, before anything is timed
        yield Subject(model.key, "end to end", backend, batch, answer)


def _preprocessing() -> Subject:
    """From samples of ten seconds to millivolt at the published rate and lead order; one thread."""
    recording = workload.recording()
    call = partial(ecg2lab.preprocess, recording.samples, fs=recording.fs, leads=list(recording.leads), unit="mV")
    windows = workload.windows_of(contract.published(contract.unnamed_targets(1)))
    return Subject(None, "preprocessing", "native", windows, call)
