"""What an engine is and where it may run: its key, and the record that stands beside its plan."""

from __future__ import annotations

import hashlib

import msgspec

from ecg2lab._native import _core
from ecg2lab.backends.tensorrt.cuda_driver import Gpu
from ecg2lab.backends.tensorrt.layers import LayerSummary
from ecg2lab.backends.tensorrt.package import TENSORRT_RTX, Package
from ecg2lab.bundle import WINDOW_GRAPH, Bundle, Digest


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Windows in one call: what the engine accepts, and what it is tuned for."""

    least: int
    tuned: int
    most: int

    def __str__(self) -> str:
        return f"{self.least} to {self.most}"


class EngineKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides whether a plan may run, and what it computes."""

    model: str
    """SHA-256 over the bundle's digest and the bytes of its window graph."""
    precision: str
    compute_capability: str
    gpu: str | None
    """Its name; None: built ahead of time for every GPU of the compute capability."""
    package: str
    package_version: str
    ecg2lab_version: str
    """Lower precisions are made from the bundle's graph by this version."""
    batch: Batch

    @property
    def digest(self) -> str:
        """Names the files."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]

    def fits(self, other: EngineKey) -> bool:
        """Whether an engine of this key does what that of another would, whatever its batch."""
        return msgspec.structs.replace(self, batch=other.batch) == other

    def differences(self, here: EngineKey) -> list[str]:
        """In words, what does not fit."""
        compared = [
            ("precision ", self.precision, here.precision),
            ("compute capability ", self.compute_capability, here.compute_capability),
            ("", self.gpu or here.gpu, here.gpu),  # ahead of time: for any
            (f"{self.package} ", self.package_version, here.package_version),
            ("ecg2lab ", self.ecg2lab_version, here.ecg2lab_version),
        ]
        if self.package != here.package:
            compared[3] = ("", self.package, here.package)
        return [f"{what}{built}, here is {now}" for what, built, now in compared if built != now]


class EngineRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands beside a plan."""

    key: EngineKey
    plan: Digest
    graph_sha256: str
    """Of the graph that was compiled."""
    workspace_mb: int
    seconds: float
    """That the build took."""
    built: str
    """When, in UTC."""
    golden_error: float | None
    """Largest error of a logit on the bundle's golden inputs; None: no GPU to run it on."""
    summary: LayerSummary | None


def engine_key(
    bundle: Bundle, precision: str, package: Package, compute_capability: str, gpu: str | None, batch: Batch
) -> EngineKey:
    """The key of an engine; without `gpu` for any of the compute capability, built ahead of time."""
    return EngineKey(
        model=hashlib.sha256(bytes.fromhex(bundle.digest) + bundle.member(WINDOW_GRAPH)).hexdigest(),
        precision=precision,
        compute_capability=compute_capability,
        gpu=gpu,
        package=package.name,
        package_version=package.version,
        ecg2lab_version=_core.version,
        batch=batch,
    )


def keys_for(bundle: Bundle, precision: str, package: Package, gpu: Gpu) -> list[EngineKey]:
    """Keys that would do on a GPU, whatever their batch: built on it, or ahead of time for its kind."""
    names = (gpu.name, None) if package.name == TENSORRT_RTX else (gpu.name,)
    return [engine_key(bundle, precision, package, gpu.compute_capability, name, Batch(1, 1, 1)) for name in names]
