"""One finding as a prediction of a RiskAssessment."""

from __future__ import annotations

from ecg2lab.answer.prediction import Finding
from ecg2lab.report import words
from ecg2lab.report.fhir_provenance import Resource

LOINC = "http://loinc.org"
TARGETS = "urn:x-ecg2lab:target"
"""Code system of the targets' names; the contract in the bundle of that digest defines them."""
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def prediction(finding: Finding) -> Resource:
    """The probability of one target in percent, what was decided, and what such a decision was worth."""
    criterion = finding.criterion
    coding = [{"system": TARGETS, "code": words.clean(finding.target) or "?"}]
    if criterion and criterion.loinc:
        coding.insert(0, {"system": LOINC, "code": criterion.loinc})
    # At least a non-blank letter: FHIR has no empty strings.
    outcome = f"{words.clean(words.abnormality(finding)) or '?'} {_moment(finding)}".rstrip()
    # Not coded: HL7's grades of risk say how likely something is, a decision says on which side of a threshold.
    verdict: Resource = {"text": finding.verdict}
    if finding.reason is not None:
        verdict["extension"] = [{"url": ABSENT, "valueCode": "unsupported"}]
    # The ratio to the population's risk is what R4 calls the relative risk.
    ratio = {} if finding.ratio is None else {"relativeRisk": round(finding.ratio, 4)}
    return {
        "outcome": {"coding": coding, "text": outcome},
        "probabilityDecimal": round(100 * finding.probability, 4),
        "qualitativeRisk": verdict,
        **ratio,
        "rationale": words.clean(_rationale(finding)),
    }


def _moment(finding: Finding) -> str:
    if finding.criterion is None:
        return ""
    return "at the time of the ECG" if finding.criterion.when == "now" else f"{finding.criterion.when} of the ECG"


def _rationale(finding: Finding) -> str:
    threshold = finding.decision_threshold
    why = f"{finding.verdict}: {finding.reason}" if finding.reason else ""
    decision = "" if threshold is None else f"decision threshold {threshold:.1%}"
    windows = f"single windows {finding.lowest:.1%} to {finding.highest:.1%}"
    rule = f"rule {finding.rule}" if finding.rule else ""
    right = "" if threshold is None else words.right(finding)
    return "; ".join(filter(None, (why, decision, windows, rule, words.beside_base_rate(finding), right)))
