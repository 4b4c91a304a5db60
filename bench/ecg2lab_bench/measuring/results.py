"""What a run of the bench found, and its file."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ecg2lab.errors import Ecg2LabError

RESULTS = "results.json"
COMMIT = "commit"
"""Among the versions of a machine: of the checkout that ran."""
SubjectName = Literal["floor", "bare", "end to end", "preprocessing", "form", "reduced floor"]
Milliseconds = Annotated[float, Meta(ge=0)]


class ResultsError(Ecg2LabError):
    """A file of results is missing, or is not one."""


class Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Strict and immutable."""


class Timing(Struct, frozen=True, kw_only=True):
    """Statistics of single calls, milliseconds."""

    calls: Annotated[int, Meta(ge=1)]
    minimum_ms: Milliseconds
    mean_ms: Milliseconds
    p50_ms: Milliseconds
    p90_ms: Milliseconds
    p99_ms: Milliseconds


class Machine(Struct, frozen=True, kw_only=True):
    """Where the run took place."""

    cpu: str
    architecture: str
    cpus: int
    """Logical."""
    usable_cpus: int
    """That this process may use."""
    simd: tuple[str, ...]
    """Instruction sets that matter for products, as the operating system names them."""
    os: str
    load_average: tuple[float, float, float] | None
    """Over 1, 5 and 15 minutes, at the start; None: not told by this system."""
    versions: dict[str, str]


class Model(Struct, frozen=True, kw_only=True):
    """A network that was timed."""

    key: str
    """By which measurements name it: `demo`, `bundle` or `full-size`."""
    name: str
    weights: str
    """Where they come from, to be said beside every figure."""
    bundle_digest: str
    bundle_mb: float
    """10⁶ bytes."""
    hidden: int
    state_size: int
    layers: int
    causal: bool
    window: int
    targets: int
    form: str
    precision: str
    backend: str


class Measurement(Struct, frozen=True, kw_only=True):
    """One subject, timed."""

    model: str | None
    """None: the same for all models."""
    subject: SubjectName
    implementation: str
    batch: int
    """Windows that one call answers."""
    timing: Timing
    ratio: float | None
    """p50 over that of the fastest floor of the same model and batch; None: nothing to compare with."""
    gflops: float | None = None
    """Of a floor, at p50: 10⁹ floating-point operations a second."""
    graph_mb: float | None = None
    """Of a form that is a graph: 10⁶ bytes of its file."""
    error: float | None = None
    """Of a form: largest error of its logits against float64; None: it does not compute the network."""


class Record(Struct, frozen=True, kw_only=True):
    """What every run puts down."""

    schema_version: Literal[1] = 1
    created: str = msgspec.field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))
    """UTC, ISO 8601."""
    machine: Machine


class Results(Record, frozen=True, kw_only=True):
    """A run whose times stand beside floors; two of them can be compared."""

    scenario: Literal["engine", "graph-forms"] = "engine"
    threads: int
    budget_s: float
    rounds: int
    models: tuple[Model, ...]
    measurements: tuple[Measurement, ...]
    left_out: dict[str, str]
    """What could not be had, floors and peers among it, and why."""
    warnings: tuple[str, ...]

    def of(self, model: str | None) -> tuple[Measurement, ...]:
        """The measurements of a model."""
        return tuple(m for m in self.measurements if m.model == model)


def encode(results: Record) -> bytes:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n"


def read(path: Path) -> Results:
    """Read results from their file, or from the folder that holds it.

    Raises
    ------
    ResultsError
        If there are none, or the file is something else.
    """
    file = path / RESULTS if path.is_dir() else path
    try:
        return msgspec.json.decode(file.read_bytes(), type=Results)
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}; `ecg2lab bench run --out DIR` writes it") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultsError(f"{file} does not hold results of `ecg2lab bench run`: {error}") from None
