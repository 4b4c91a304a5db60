"""An answer: for every target a probability and a verdict, and everything a reader must know beside them."""

from __future__ import annotations

from itertools import starmap
from typing import Any, Literal, NamedTuple, cast

import msgspec

from ecg2lab._native import _core
from ecg2lab.answer.explanation import Explanation
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Contract, Criterion, Target
from ecg2lab.contract.claims import OperatingPoint
from ecg2lab.quality import QualityNote
from ecg2lab.system.strict_json import encode_plainly

Verdict = Literal["no decision", "flagged", "not flagged", "unsure", "outside experience"]
"""What may be said of a target."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one target."""

    target: str
    """Its name in the contract."""
    code: str
    """Its name where identifiers are short, such as HL7: 20 characters at most."""
    criterion: Criterion | None
    """The abnormality; None: the model does not say what the target means."""
    probability: float
    """Mean over the windows, calibrated where the contract has a calibration."""
    lowest: float
    highest: float
    """Of the single windows."""
    verdict: Verdict
    reason: str | None
    """Why it is neither flagged nor not flagged; None: it is one of them."""
    base_rate: float | None
    """Share of positives among the recordings that the decision was measured on; None: not stated."""
    ratio: float | None
    """Of the probability to the base rate."""
    rule: str | None
    """By which the threshold was chosen; None: an operating point that nobody states, or no threshold at all."""
    operating_point: OperatingPoint | None
    """That holds for so many windows and facts, and what a flag was worth there; None: none does, or an unknown one."""
    decision_threshold: float | None
    """Probability from which the target is flagged; None: none holds here."""
    detected: bool | None
    """Whether it is flagged; None: nothing was decided (no decision, unsure, outside experience)."""


class ExperienceNote(msgspec.Struct, frozen=True, kw_only=True):
    """How far the recording lies from what the model was trained on."""

    distance: float
    """Of its features from those of the training folds, by their covariance (Mahalanobis)."""
    limit: float | None
    """Beyond which it is outside; None: nobody measured one for so many windows and facts."""
    quantile: float
    """Share of recordings like those of the training folds that lie within the limit."""
    outside: bool
    """Whether it is outside experience: then nothing is decided."""
    reasons: tuple[str, ...]
    """Why it is."""


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
    file_notes: tuple[str, ...] = ()
    """What the reader of its file left out or moved, in a sentence each."""
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
    origins: dict[str, str] = {}
    """Where a fact comes from, by field of `Patient`, in words; the edge node says it of every fact."""
    notes: tuple[str, ...] = ()
    """What the edge node says of facts that it holds and did not use, in a sentence each."""


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
    """In what C programs write, *host* where such a program ran the network itself: the next two are its words."""
    provider: str
    """What computes within the backend: an instruction set, or a provider of ONNX Runtime."""
    device: str
    precision: str
    form: str
    """Of the window graph, or *step*."""
    threads: int
    """Of one call; 0: a host did not state it."""
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
    experience: ExperienceNote | None = None
    """None: the model does not say how far its experience reaches, or the window was refused."""
    schema_version: Literal[2] = 2
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


class Decided(NamedTuple):
    """What is said of one recording."""

    findings: tuple[Finding, ...]
    """In the contract's order."""
    experience: ExperienceNote | None


def decide(
    outputs: Outputs, patient: _core.Features, contract: Contract, trained: _core.TrainedFeatures | None = None
) -> Decided:
    """Average over windows, calibrate, compare with the operating points that hold.

    Parameters
    ----------
    outputs
        Of the network, a row for each window.
    patient
        Encoded.
    contract
        Of the model.
    trained
        Features of the training folds, where the contract has experience.

    Raises
    ------
    BackendError
        If the outputs cannot be used.
    """
    decided = _core.decide(outputs.logits, outputs.features, patient, contract.native, trained)
    verdicts = zip(contract.targets, contract.native.target_codes, decided.verdicts, strict=True)
    return Decided(tuple(starmap(_finding, verdicts)), _experience(decided.familiarity))


def _experience(familiarity: _core.Familiarity | None) -> ExperienceNote | None:
    if familiarity is None:
        return None
    return ExperienceNote(
        distance=familiarity.distance,
        limit=familiarity.limit,
        quantile=familiarity.quantile,
        outside=familiarity.outside,
        reasons=tuple(familiarity.reasons),
    )


def _finding(target: Target, code: str, verdict: _core.Verdict) -> Finding:
    point = None if target.decision is None or verdict.point is None else target.decision.points[verdict.point]
    return Finding(
        target=target.name,
        code=code,
        criterion=target.criterion,
        probability=verdict.probability,
        lowest=verdict.lowest,
        highest=verdict.highest,
        verdict=cast(Verdict, verdict.word),
        reason=verdict.reason,
        base_rate=verdict.base_rate,
        ratio=verdict.ratio,
        rule=target.decision.rule if target.decision else None,
        operating_point=point,
        decision_threshold=verdict.threshold,
        detected=verdict.detected,
    )
