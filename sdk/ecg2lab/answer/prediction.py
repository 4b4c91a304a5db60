"""An answer: for every target a probability and a verdict, and everything a reader must know beside them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.answer.explanation import Explanation
from ecg2lab.contract import Contract, Criterion
from ecg2lab.quality import QualityNote


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one target."""

    target: str
    """Its name in the contract."""
    criterion: Criterion | None
    """The abnormality; None: the model does not say what the target means."""
    probability: float
    """Mean over the windows, calibrated where the contract has a calibration."""
    lowest: float
    highest: float
    """Of the single windows."""
    decision_threshold: float | None
    """Probability from which the target counts as detected; None: the contract has none."""
    detected: bool | None
    """None: the contract has no decision threshold for this target."""


class RecordingNote(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of the recording."""

    duration_s: float
    sampling_rate_hz: float
    """As recorded."""
    windows: int
    """That the network saw."""
    unused_s: float
    """At the end, shorter than a window."""
    derived_leads: tuple[str, ...]
    """Limb leads that were computed from two others."""
    ignored_channels: tuple[str, ...]
    """That the model does not take."""
    missing_samples: dict[str, int]
    """By lead, interpolated."""
    clipped_samples: dict[str, int]
    """By lead, beyond the clip limit."""
    quality: QualityNote | None = None
    """None: not judged."""


class PatientNote(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of the patient."""

    given: dict[str, Any]
    """What was known, by field of `Patient`."""
    from_recording: tuple[str, ...]
    """Fields that the recording's own file supplied."""
    imputed: dict[str, float | str]
    """Inputs of the network that were not given, with the training set's median that stood in for each."""
    unused: tuple[str, ...] = ()
    """Fields that were given and that this model does not use."""
    out_of_range: tuple[str, ...] = ()
    """Fields that were given, or BMI that follows from them, outside the model's range: they count as not given."""


class ErrorNote(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no answer."""

    type: str
    """Of the error: `QualityError`, `RecordingError` …; `InternalError` is ours to mend."""
    message: str


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What really runs."""

    model: str
    """Name in the contract."""
    bundle: str
    """Name of its file."""
    bundle_digest: str
    """SHA-256 of the manifest, which covers every other member."""
    synthetic_weights: bool | None
    """Random or trained on simulated patients; None: not stated by the checkpoint."""
    notice: str
    """The sentence that goes with every answer."""
    backend: str
    provider: str
    """What computes within the backend: an instruction set, or a provider of ONNX Runtime."""
    device: str
    precision: str
    form: str
    """Of the window graph, or *step*."""
    threads: int
    """Of one call."""
    versions: dict[str, str]
    """Of what computes, by package."""


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """All findings for one recording, in the contract's order."""

    notice: str
    """To be shown with every answer."""
    findings: tuple[Finding, ...]
    recording: RecordingNote
    patient: PatientNote
    engine: EngineInfo
    source: dict[str, Any] | None = None
    """Of the recording, untouched."""
    explanations: tuple[Explanation, ...] = ()
    """Where they were asked for (`Engine.explain`)."""
    record: str | None = None
    """Where the recording came from; the command line says it."""
    schema_version: Literal[1] = 1
    """Of the JSON form; raised when a field changes its meaning or goes. New fields may come at any time."""

    def __getitem__(self, target: str) -> Finding:
        """The finding of a target, by name."""
        for finding in self.findings:
            if finding.target == target:
                return finding
        raise KeyError(target)

    def by_category(self) -> dict[str, list[Finding]]:
        """Findings under their category, both in order of first appearance; "targets" where the model names none."""
        groups: dict[str, list[Finding]] = {}
        for finding in self.findings:
            category = finding.criterion.category if finding.criterion else "targets"
            groups.setdefault(category, []).append(finding)
        return groups

    def to_json(self) -> bytes:
        """One line of JSON."""
        return _core.prediction_json(self, encode_plainly)


def encode_plainly(value: Any) -> bytes:
    """JSON of whatever a caller handed in."""
    return msgspec.json.encode(value, enc_hook=plain)


def plain(value: Any) -> Any:
    """What JSON cannot hold, of a caller's `source`: NumPy's numbers as numbers, everything else as text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def decide(logits: NDArray[np.float32], contract: Contract) -> tuple[Finding, ...]:
    """Average logits (windows, n) over windows, calibrate, compare with the decision thresholds."""
    return tuple(
        Finding(
            target=target.name,
            criterion=target.criterion,
            probability=decision.probability,
            lowest=decision.lowest,
            highest=decision.highest,
            decision_threshold=target.decision_threshold,
            detected=decision.detected,
        )
        for target, decision in zip(contract.targets, _core.decide(logits, contract.native), strict=True)
    )
