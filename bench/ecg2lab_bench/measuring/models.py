"""The models that are timed: the bundle that was named or the demo, and a network of the published sizes."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import ecg2lab
from ecg2lab.bundle import Bundle
from ecg2lab.demo import bundle_path
from ecg2lab.engine import Engine
from ecg2lab_bench import synthetic
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import Model

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


def load(plan: Plan, undo: ExitStack) -> list[LoadedModel]:
    """All models of a plan; `undo` closes their engines.

    Raises
    ------
    BundleError, BackendError
        If a bundle or the number of threads cannot be had.
    """
    return [load_named(plan, undo), *([load_full_size(plan, undo)] if plan.full_size else [])]


def load_named(plan: Plan, undo: ExitStack) -> LoadedModel:
    """The bundle that was named, or the packaged demo model."""
    key, path = ("demo", bundle_path()) if plan.bundle is None else ("bundle", plan.bundle)
    return _load(key, path, plan, undo)


def load_full_size(plan: Plan, undo: ExitStack) -> LoadedModel:
    """A network of the published sizes; its file stays until `undo` removes it."""
    folder = undo.enter_context(tempfile.TemporaryDirectory())
    return _load("full-size", synthetic.full_size_bundle(folder), plan, undo, random_weights=True)


def _load(key: str, path: Path, plan: Plan, undo: ExitStack, random_weights: bool = False) -> LoadedModel:
    bundle = Bundle.open(path)
    engine = ecg2lab.load(
        bundle, plan.backend, threads=plan.threads, adapter=plan.adapter, allow_software=plan.allow_software
    )
    return LoadedModel(key, bundle, undo.enter_context(engine), random_weights)
