"""The phrases that all reports share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

from ecg2lab._native import _core
from ecg2lab.answer.explanation import Effect, Explanation
from ecg2lab.answer.prediction import EngineInfo, ExperienceNote, Finding, PatientNote, Prediction, Verdict
from ecg2lab.contract.claims import Measured
from ecg2lab.patient import in_words as in_words
from ecg2lab.system.strict_json import plain


class Look(NamedTuple):
    """Mark and colours of a verdict; the colour is never the only difference between two."""

    mark: str
    style: str
    """Colour on a terminal."""
    colour: str
    """Colour on pages and paper."""
    weight: Literal["normal", "bold"] = "normal"


LOOKS: dict[Verdict, Look] = {
    "outside experience": Look("◇", "yellow", "#402000"),
    "flagged": Look("▲", "bold red", "#a3160d", "bold"),
    "unsure": Look("◐", "", "#6d3dcc"),
    "not flagged": Look("○", "", "#1f5a8a"),
    "no decision": Look("–", "dim", "#5a5a6a"),
}
"""In order of precedence: a row of several findings shows the first."""
QUIET_BAR = "#a4aecb"
"""Colour of a probability that is not flagged: lighter than that of a flag, also when printed in grey."""
UNKNOWN_POINT = "threshold of unknown operating point"
_RULES = {
    "specificity": "Flags keep a specificity of {}.",
    "sensitivity": "Flags keep a sensitivity of {}.",
    "ppv": "Flags keep a positive predictive value of {}.",
    "net-benefit": "Flags begin at a probability of {}, where they have the greatest net benefit.",
    "youden": "Flags begin where sensitivity plus specificity is greatest (Youden).",
    "none": "Nothing is flagged (rule none).",
}
LEGEND = (
    "What is flagged stands first, then the rows follow the largest ratio of a probability to its base rate. Bar: "
    "probability; line along it: lowest to highest of the single windows; line across it: threshold from which it is "
    "flagged. In brackets: 95% interval. Now speaks of the laboratory value closest to the ECG, at most an hour away."
)
_LONGEST_SOURCE = 200
"""Letters."""


def look(finding: Finding) -> Look:
    """The look of a finding's verdict."""
    return LOOKS[finding.verdict]


def abnormality(finding: Finding) -> str:
    """The meaning of the target: `Potassium > 5.1 mEq/L`, or its name."""
    return str(finding.criterion) if finding.criterion else finding.target


def when(finding: Finding) -> str:
    """The moment to which the answer refers."""
    return finding.criterion.when if finding.criterion else ""


def clean(text: object) -> str:
    """Foreign text in one line, without control characters or marks that change its direction."""
    return _core.printable(" ".join(str(text).split()))


def percent(value: float, beside: float | None = None) -> str:
    """Whole percent; with a decimal if `beside`, a different value, would otherwise look the same."""
    tie = beside is not None and beside != value and f"{beside:.0%}" == f"{value:.0%}"
    return f"{value:.1%}" if tie else f"{value:.0%}"


def rate(value: float) -> str:
    """A base rate in percent; a small one with a decimal."""
    return f"{value:.1%}" if value < 0.1 else f"{value:.0%}"


def times(ratio: float) -> str:
    """The ratio of a probability to its base rate: `2.6 ×`."""
    return f"{ratio:.1f} ×" if ratio < 10 else f"{ratio:.0f} ×"


def beside_base_rate(finding: Finding) -> str:
    """The probability compared with the base rate; empty if that is not stated."""
    if finding.base_rate is None:
        return ""
    base = f"the base rate of {rate(finding.base_rate)}"
    return base if finding.ratio is None else f"{times(finding.ratio)} {base}"


def right(finding: Finding) -> str:
    """How often a flag such as this one is right."""
    point = finding.operating_point
    if point is None:
        return UNKNOWN_POINT
    facts = ", with age and sex alone" if point.facts == "age and sex" else ""
    if point.ppv is None:
        return f"how often such a flag is right could not be told{facts}"
    return f"such a flag is right in {_measured(point.ppv)}, measured on {point.patients:,} patients{facts}"


def _measured(share: Measured) -> str:
    low, high = (percent(bound).rstrip("%") for bound in (share.low, share.high))
    return f"{percent(share.value)} ({low}–{high}%)"


def worth(finding: Finding) -> str:
    """A note that belongs to a flag."""
    return "; ".join(filter(None, (beside_base_rate(finding), right(finding))))


def rules(findings: Iterable[Finding]) -> str:
    """The rules by which the thresholds were chosen, each once."""
    return " ".join(dict.fromkeys(_rule(finding.rule) for finding in findings if finding.rule))


def _rule(rule: str) -> str:
    kind, _, value = rule.partition("=")
    return _RULES[kind].format(value) if kind in _RULES else f"Rule of the flags: {clean(rule)}."


def as_named(name: str, value: object = None) -> str:
    """A fact with its field's name and unrounded value: `height_cm 168.808`."""
    if value is None:
        return name
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def inputs(prediction: Prediction, say: Callable[..., str] = in_words) -> list[tuple[str, str]]:
    """Label and sentence of each note on the inputs; `say` puts a fact into words."""
    r, p = prediction.recording, prediction.patient
    unused = f", {r.unused_s:g} s at the end unused" if r.unused_s else ""
    span = f"{r.duration_s:g} s at {r.sampling_rate_hz:g} Hz, {r.windows} window{'s' * (r.windows != 1)}{unused}"
    faults = "; ".join(fault.message for fault in r.quality.faults) if r.quality else ""
    imputed = [say(name, value) for name, value in p.imputed.items()]
    rows = [
        ("Recording", span),
        ("Quality", faults or ("accepted without a warning" if r.quality else "")),
        ("Experience", experience(prediction.experience)),
        ("Derived leads", ", ".join(r.derived_leads)),
        ("Ignored channels", ", ".join(r.ignored_channels)),
        ("Interpolated", _counts(r.missing_samples)),
        ("Clipped", _counts(r.clipped_samples)),
        ("From the file", clean("; ".join(r.file_notes))),
        ("Given", _given(p, say) or "nothing"),
        ("Not taken", clean("; ".join(p.notes))),
        ("Not used", ", ".join(map(say, p.unused))),
        ("Out of range", ", ".join(map(say, p.out_of_range)) + " (counts as not given)" * bool(p.out_of_range)),
        ("Imputed", ", ".join(imputed) + " (medians of the training set)" if imputed else "nothing"),
    ]
    return [(label, sentence) for label, sentence in rows if sentence]


def _given(patient: PatientNote, say: Callable[..., str]) -> str:
    """The facts with where they come from; of those that come from the same, said once."""
    if not patient.origins:
        from_file = patient.from_recording
        return ", ".join(f"{say(k, v)}{' (from the file)' * (k in from_file)}" for k, v in patient.given.items())
    by_origin: dict[str, list[str]] = {}
    for name, value in patient.given.items():
        by_origin.setdefault(patient.origins.get(name, ""), []).append(say(name, value))
    return "; ".join(
        f"{', '.join(facts)}{f' ({clean(origin)})' if origin else ''}" for origin, facts in by_origin.items()
    )


def experience(note: ExperienceNote | None) -> str:
    """How far the recording is from those of the training; empty if the model does not say."""
    if note is None:
        return ""
    if note.outside:
        return f"outside: {clean('; '.join(note.reasons))}"
    distance = f"distance {note.distance:.3g} from what the model was trained on"
    if note.limit is None:
        return f"not judged: {distance}, and no limit holds for so many windows and facts"
    return f"inside: {distance}; {100 * note.quantile:.4g} % of such recordings lie within {note.limit:.3g}"


def _counts(samples: dict[str, int]) -> str:
    return ", ".join(f"{lead}: {count} sample{'s' * (count != 1)}" for lead, count in samples.items())


def provenance(e: EngineInfo) -> str:
    """The model, its bundle, and the backend that runs it."""
    backend = " ".join(filter(None, (e.backend, e.versions.get(e.backend, ""))))
    return (
        f"{e.model} · bundle {e.bundle_digest[:12]} · {backend} ({e.provider}), "
        f"{e.precision}, {e.threads} thread{'s' * (e.threads != 1)} · ecg2lab {e.versions['ecg2lab']}"
    )


def source(fields: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What identifies the recording, from its file or the caller; long values are cut here, but not in JSON."""
    return [(_short(clean(name)), _short(clean(_flat(value)))) for name, value in (fields or {}).items()]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SOURCE else f"{text[:_LONGEST_SOURCE]}…"


def _flat(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=plain) if isinstance(value, (dict, list, tuple)) else value


def explained(prediction: Prediction, explanation: Explanation) -> str:
    """The meaning of the explained target; its name if it is not among the findings."""
    for finding in prediction.findings:
        if finding.target == explanation.target:
            return f"{abnormality(finding)} {when(finding)}".rstrip()
    return explanation.target


def signed(effect: float) -> str:
    """An effect on the logit, with its sign."""
    text = f"{abs(effect):.2f}"
    return text if float(text) == 0 else f"{'+' if effect > 0 else '−'}{text}"


def points(effect: float) -> str:
    """An effect on the probability, in percentage points."""
    return f"{signed(100 * effect)} pp"


def facts(explanation: Explanation) -> list[Effect]:
    """Effects of the facts about the patient, the largest first."""
    return sorted(explanation.facts, key=lambda effect: -abs(effect.logit))


def explanation_rows(explanation: Explanation) -> list[tuple[str, str]]:
    """Label and sentence of each note beside the picture of an explanation."""
    strongest = max(explanation.segments, key=lambda segment: abs(segment.logit))
    patient = "cannot be taken away" if explanation.patient is None else _both(explanation.patient)
    rows = [
        ("Whole ECG", _both(explanation.ecg)),
        ("Leads", ", ".join(f"{e.part} {signed(e.logit)}" for e in explanation.leads)),
        ("Strongest moment", f"{strongest.start_s:.2f} to {strongest.end_s:.2f} s: {signed(strongest.logit)}"),
        ("All facts", patient if explanation.facts else "none were given"),
    ]
    if explanation.facts:
        rows.append(("Facts", ", ".join(f"{in_words(e.part)} {signed(e.logit)}" for e in facts(explanation))))
    if explanation.not_removable:
        names = ", ".join(map(in_words, explanation.not_removable))
        rows.append(("Not known", f"{names} (the model has nothing to put in their place)"))
    return rows


def _both(effect: Effect) -> str:
    percentage_points = signed(100 * effect.probability)
    return f"{signed(effect.logit)} on the logit, {percentage_points} percentage points on the probability"


EXPLAINED_HOW = (
    "Effect on the logit of the calibrated probability: with the part, minus without it. A lead without: flat at its "
    "median. A moment without: a straight line in all leads. A fact without: as if it had not been given. Effects "
    "describe the model, not the patient; they need not add up. The logit of a probability p is ln(p / (1 - p)); pp "
    "are percentage points."
)


def drawn(duration_s: float, page_s: float) -> str:
    """Which part of a recording the picture shows; empty if the recording fills it exactly."""
    if duration_s > page_s:
        return f"The first {page_s:g} s of {duration_s:g} s are drawn."
    return f"The recording is shorter than {page_s:g} s: every column begins at 0 s." if duration_s < page_s else ""
