"""What is timed: for each model its floor, the bare network and the whole way; and preprocessing once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import ecg2lab
from ecg2lab import contract
from ecg2lab.bundle import Bundle
from ecg2lab.engine import Engine
from ecg2lab_bench import workload
from ecg2lab_bench.floors import Products, candidates
from ecg2lab_bench.results import Model
from ecg2lab_bench.timing import Subject

BATCHES = (1, 4)
"""A single window, and the four of a published recording."""


@dataclass(frozen=True)
class LoadedModel:
    """A bundle with an engine that is ready to answer."""

    key: str
    bundle: Bundle
    engine: Engine
    random_weights: bool = False
    """Never trained, as opposed to trained on simulated patients."""

    def describe(self) -> Model:
        """For the results."""
        manifest, shape = self.bundle.manifest, self.bundle.manifest.network
        return Model(
            key=self.key,
            name=manifest.contract.name,
            weights=f"random weights: {manifest.notice}" if self.random_weights else manifest.notice,
            bundle_digest=self.bundle.digest,
            bundle_mb=self.bundle.size / 1e6,
            hidden=shape["hidden"],
            state_size=shape["state_size"],
            layers=shape["layers"],
            causal=manifest.causal,
            window=manifest.contract.signal.window_samples,
            targets=len(manifest.contract.targets),
            form=manifest.form,
            precision=manifest.precision,
            backend=f"{self.engine.info.backend}, {self.engine.info.provider}",
        )

    def products(self, batch: int) -> Products:
        """What the floor multiplies."""
        shape = self.bundle.manifest.network
        rows = batch * self.bundle.contract.signal.window_samples
        return Products(rows=rows, channels=shape["hidden"], layers=shape["layers"])


def load_model(key: str, path: Path, threads: int, undo: ExitStack, random_weights: bool = False) -> LoadedModel:
    """Open a bundle; `undo` closes its engine."""
    bundle = Bundle.open(path)
    engine = undo.enter_context(ecg2lab.load(bundle, threads=threads))
    return LoadedModel(key, bundle, engine, random_weights)


def preprocessing() -> Subject:
    """From samples of ten seconds to millivolt at the published rate and lead order; one thread."""
    recording = workload.recording()
    call = partial(ecg2lab.preprocess, recording.samples, fs=recording.fs, leads=list(recording.leads), unit="mV")
    windows = workload.windows_of(contract.published(contract.unnamed_targets(1)))
    return Subject(None, "preprocessing", "native", windows, call)


def of_model(model: LoadedModel, threads: int, undo: ExitStack, left_out: dict[str, str]) -> list[Subject]:
    """Each batch size with its floors first.

    Parameters
    ----------
    model
        To be timed.
    threads
        Of the floors; those of the engine were set when it was loaded.
    undo
        See `floors.candidates`.
    left_out
        Receives the candidates for the floor that could not be had.
    """
    windows = workload.windows_of(model.bundle.contract)
    subjects: list[Subject] = []
    for batch in sorted({*BATCHES, windows} - {0}):
        products = model.products(batch)
        found, missing = candidates(products, threads, undo)
        left_out.update(missing)
        subjects += [Subject(model.key, "floor", name, batch, call, products.flops) for name, call in found.items()]
        subjects += _network(model, batch, whole=batch == windows)
    return subjects


def _network(model: LoadedModel, batch: int, whole: bool) -> Iterator[Subject]:
    backend = model.engine.info.backend
    inputs = workload.network_inputs(model.bundle.contract, batch)
    yield Subject(model.key, "bare", backend, batch, partial(model.engine.run, *inputs))
    if whole:
        answer = partial(model.engine.predict, workload.recording(), workload.PATIENT)
        answer()  # a refusal comes now, before anything is timed
        yield Subject(model.key, "end to end", backend, batch, answer)
