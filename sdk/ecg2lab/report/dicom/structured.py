"""The answer as a Comprehensive SR (PS3.3, A.35.3): a measurement report (PS3.16, TID 1500).

For each target a group with its probability in percent and what was decided. The probability is marked as estimated,
and has a code of our own: never that of the analyte, under which a record would file a measured value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset, FileDataset

from ecg2lab.answer.prediction import EngineInfo, Finding, Prediction, Verdict
from ecg2lab.report import words
from ecg2lab.report.dicom import objects
from ecg2lab.report.dicom.objects import coded, own
from ecg2lab.report.dicom.origin import Instance, Origin

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.88.33"
DECISIONS: dict[Verdict, str] = {
    "flagged": "FLAGGED",
    "not flagged": "NOT_FLAGGED",
    "unsure": "UNSURE",
    "no decision": "NO_DECISION",
    "outside experience": "OUTSIDE",
}
"""Code of each verdict."""
_SERIES = 9102
_MOST_DECIMALS = 12
_DCM = {
    "121005": "Observer Type",
    "121007": "Device",
    "121012": "Device Observer UID",
    "121014": "Device Observer Manufacturer",
    "121015": "Device Observer Model Name",
    "121016": "Device Observer Serial Number",
    "121049": "Language of Content Item and Descendants",
    "121058": "Procedure reported",
    "121071": "Finding",
    "121106": "Comment",
    "121112": "Source of Measurement",
    "121401": "Derivation",
    "112039": "Tracking Identifier",
    "112040": "Tracking Unique Identifier",
    "125007": "Measurement Group",
    "126000": "Imaging Measurement Report",
    "126010": "Imaging Measurements",
}
"""Meanings of the codes of PS3.16, annex D, that are used here."""


def structured_report(prediction: Prediction, origin: Origin, *, identity: str, answered: datetime) -> bytes:
    """The answer; parameters as for `encapsulated_pdf`."""
    return objects.written(lambda: _report(prediction, origin, identity, answered))


def _report(prediction: Prediction, origin: Origin, identity: str, answered: datetime) -> FileDataset:
    engine, ecg = prediction.engine, origin.ecg if _is_located(origin.ecg) else None
    whole = objects.common(SOP_CLASS, "sr", "SR", _SERIES, engine, origin, identity)
    objects.timed(whole, answered, origin)
    objects.declare_codes(whole)
    whole.ReferencedPerformedProcedureStepSequence = []
    whole.PerformedProcedureCodeSequence = []
    whole.CompletionFlag, whole.VerificationFlag, whole.PreliminaryFlag = "COMPLETE", "UNVERIFIED", "PRELIMINARY"
    if ecg is not None:
        whole.CurrentRequestedProcedureEvidenceSequence = [_evidence(ecg)]
    whole.ValueType, whole.ContinuityOfContent = "CONTAINER", "SEPARATE"
    whole.ConceptNameCodeSequence = [_dcm("126000")]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "1500"
    whole.ContentTemplateSequence = [template]
    groups = [_group(finding, ecg, identity) for finding in prediction.findings]
    whole.ContentSequence = [
        _code("HAS CONCEPT MOD", _dcm("121049"), coded("en", "RFC5646", "English")),
        *_observer(engine),
        _code("HAS CONCEPT MOD", _dcm("121058"), coded("268400002", "SCT", "12 lead ECG")),
        _container(_dcm("126010"), groups),
        *(_comment(sentence) for sentence in _notes(prediction)),
    ]
    return whole


def _is_located(ecg: Instance | None) -> bool:
    """Whether it is known where to look for it."""
    return ecg is not None and bool(ecg.study) and bool(ecg.series)


def _evidence(ecg: Instance) -> Dataset:
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = ecg.series
    series.ReferencedSOPSequence = [objects.reference(ecg.sop_class, ecg.uid)]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = ecg.study, [series]
    return study


def _observer(engine: EngineInfo) -> list[Dataset]:
    """The model, as the device that observed (TID 1002, 1004)."""
    about = [
        ("121014", "ecg2lab"),
        ("121015", objects.text(engine.model)),
        ("121016", engine.bundle_digest),
    ]
    return [
        _code("HAS OBS CONTEXT", _dcm("121005"), _dcm("121007")),
        _item("HAS OBS CONTEXT", "UIDREF", _dcm("121012"), UID=objects.uid(engine.bundle_digest, "model")),
        *(_item("HAS OBS CONTEXT", "TEXT", _dcm(code), TextValue=value) for code, value in about),
    ]


def _group(finding: Finding, ecg: Instance | None, identity: str) -> Dataset:
    """One target (TID 1501)."""
    name = own(finding.code, _name(finding))
    tracking = objects.uid(identity, f"target {finding.code}")
    return _container(
        _dcm("125007"),
        [
            _item("HAS OBS CONTEXT", "TEXT", _dcm("112039"), TextValue=finding.code),
            _item("HAS OBS CONTEXT", "UIDREF", _dcm("112040"), UID=tracking),
            _code("CONTAINS", _dcm("121071"), name),
            _probability(finding, name, ecg),
            _code("CONTAINS", own("DECISION", "Decision"), own(DECISIONS[finding.verdict], finding.verdict)),
            *(_comment(sentence) for sentence in _remarks(finding)),
        ],
    )


def _probability(finding: Finding, name: Dataset, ecg: Instance | None) -> Dataset:
    """In percent (TID 300); from which it is flagged; the ECG that it was estimated from (TID 321)."""
    probability, threshold = percents(finding)
    children = [_code("HAS CONCEPT MOD", _dcm("121401"), coded("414135002", "SCT", "Estimated"))]
    if threshold:
        children.append(_number("HAS PROPERTIES", own("FLAGGED_FROM", "Flagged from"), threshold))
    if ecg is not None:
        waveform = _item("INFERRED FROM", "WAVEFORM", _dcm("121112"))
        waveform.ReferencedSOPSequence = [objects.reference(ecg.sop_class, ecg.uid)]
        children.append(waveform)
    number = _number("CONTAINS", name, probability)
    number.ContentSequence = children
    return number


def percents(finding: Finding) -> tuple[str, str]:
    """Probability and threshold in percent, as many decimals as it takes that both say what was decided.

    The threshold is empty where none holds.
    """
    threshold = finding.decision_threshold
    for decimals in range(1, _MOST_DECIMALS + 1):
        said = f"{100 * finding.probability:.{decimals}f}"
        limit = "" if threshold is None else f"{100 * threshold:.{decimals}f}"
        if threshold is None or (float(said) >= float(limit)) == (finding.probability >= threshold):
            break
    return said, limit


def _name(finding: Finding) -> str:
    when = words.when(finding)
    return f"{words.abnormality(finding)}{'' if when in ('', 'now') else f' {when}'}, estimated"


def _remarks(finding: Finding) -> Iterator[str]:
    if finding.reason is not None:
        yield f"{finding.verdict}: {finding.reason}"
    if worth := words.worth(finding) if finding.detected else words.beside_base_rate(finding):
        yield worth


def _notes(prediction: Prediction) -> Iterator[str]:
    yield prediction.notice
    yield f"Model {prediction.engine.model}, SHA-256 of its manifest {prediction.engine.bundle_digest}"
    if rules := words.rules(prediction.findings):
        yield rules
    for label, sentence in words.inputs(prediction, words.as_named):
        yield f"{label}: {sentence}"


def _dcm(code: str) -> Dataset:
    return coded(code, "DCM", _DCM[code])


def _item(relation: str, kind: str, name: Dataset, **value: Any) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType, item.ConceptNameCodeSequence = relation, kind, [name]
    for keyword, said in value.items():
        setattr(item, keyword, said)
    return item


def _code(relation: str, name: Dataset, value: Dataset) -> Dataset:
    return _item(relation, "CODE", name, ConceptCodeSequence=[value])


def _number(relation: str, name: Dataset, percent: str) -> Dataset:
    measured = Dataset()
    measured.NumericValue = percent
    measured.MeasurementUnitsCodeSequence = [coded("%", "UCUM", "percent")]
    return _item(relation, "NUM", name, MeasuredValueSequence=[measured])


def _comment(sentence: str) -> Dataset:
    return _item("CONTAINS", "TEXT", _dcm("121106"), TextValue=words.clean(sentence))


def _container(name: Dataset, items: Iterable[Dataset]) -> Dataset:
    container = _item("CONTAINS", "CONTAINER", name)
    container.ContinuityOfContent, container.ContentSequence = "SEPARATE", list(items)
    return container
