"""A prediction in words: the phrases that every report shares."""

from __future__ import annotations

import json
from typing import Any, Literal

from ecg2lab.answer.explanation import Effect, Explanation
from ecg2lab.answer.prediction import EngineInfo, Finding, Prediction, plain

Verdict = Literal["detected", "not detected", "no decision"]
STYLES: dict[Verdict, str] = {"detected": "bold red", "not detected": "green", "no decision": "dim"}
"""On a terminal."""
_LONGEST_SOURCE = 200
"""Letters."""


def verdict(finding: Finding) -> Verdict:
    """`detected`, `not detected`, or `no decision` where the model has no threshold."""
    if finding.detected is None:
        return "no decision"
    return "detected" if finding.detected else "not detected"


def abnormality(finding: Finding) -> str:
    """What the target stands for: `Potassium > 5.1 mEq/L`, or its bare name."""
    return str(finding.criterion) if finding.criterion else finding.target


def when(finding: Finding) -> str:
    """The moment that the answer speaks of."""
    return finding.criterion.when if finding.criterion else ""


def clean(text: object) -> str:
    """Text from outside in one line, without control characters or marks that turn its direction."""
    return "".join(x if x.isprintable() else "?" for x in " ".join(str(text).split()))


def percent(value: float, beside: float | None = None) -> str:
    """Whole percent; with a decimal where `beside`, a different value, would read the same."""
    tie = beside is not None and beside != value and f"{beside:.0%}" == f"{value:.0%}"
    return f"{value:.1%}" if tie else f"{value:.0%}"


def summary(prediction: Prediction) -> str:
    """What was detected, in a sentence; a model without thresholds decides nothing."""
    decided = [f for f in prediction.findings if f.detected is not None]
    detected = [f"{abnormality(f)} {when(f)} ({percent(f.probability)})" for f in decided if f.detected]
    undecided = len(prediction.findings) - len(decided)
    first = f"Detected: {len(detected)} of {len(decided)}" + (f": {', '.join(detected)}." if detected else ".")
    return " ".join([first] * bool(decided) + [f"No decision: {undecided}."] * bool(undecided))


def inputs(prediction: Prediction) -> list[tuple[str, str]]:
    """Label and sentence for each thing that a reader must know about the inputs."""
    r, p = prediction.recording, prediction.patient
    unused = f", {r.unused_s:g} s at the end unused" if r.unused_s else ""
    span = f"{r.duration_s:g} s at {r.sampling_rate_hz:g} Hz, {r.windows} window{'s' * (r.windows != 1)}{unused}"
    faults = "; ".join(fault.message for fault in r.quality.faults) if r.quality else ""
    facts = [f"{k} {_value(v)}{' (from the file)' * (k in p.from_recording)}" for k, v in p.given.items()]
    imputed = [f"{name} {_value(value)}" for name, value in p.imputed.items()]
    rows = [
        ("Recording", span),
        ("Quality", faults or ("accepted without a warning" if r.quality else "")),
        ("Derived leads", ", ".join(r.derived_leads)),
        ("Ignored channels", ", ".join(r.ignored_channels)),
        ("Interpolated", _counts(r.missing_samples)),
        ("Clipped", _counts(r.clipped_samples)),
        ("Given", ", ".join(facts) or "nothing"),
        ("Not used", ", ".join(p.unused)),
        ("Out of range", ", ".join(p.out_of_range) + " (counts as not given)" * bool(p.out_of_range)),
        ("Imputed", ", ".join(imputed) + " (medians of the training set)" if imputed else "nothing"),
    ]
    return [(label, sentence) for label, sentence in rows if sentence]


def _counts(samples: dict[str, int]) -> str:
    return ", ".join(f"{lead}: {count} sample{'s' * (count != 1)}" for lead, count in samples.items())


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def provenance(e: EngineInfo) -> str:
    """Which model answers, on what."""
    backend = " ".join(filter(None, (e.backend, e.versions.get(e.backend, ""))))
    return (
        f"{e.model} · bundle {e.bundle_digest[:12]} · {backend} ({e.provider}), "
        f"{e.precision}, {e.threads} thread{'s' * (e.threads != 1)} · ecg2lab {e.versions['ecg2lab']}"
    )


def source(fields: dict[str, Any] | None) -> list[tuple[str, str]]:
    """What identifies the recording, as its file or the caller gave it; a long value is cut, here but not in JSON."""
    return [(_short(clean(name)), _short(clean(_flat(value)))) for name, value in (fields or {}).items()]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SOURCE else f"{text[:_LONGEST_SOURCE]}…"


def _flat(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=plain) if isinstance(value, (dict, list, tuple)) else value


def explained(prediction: Prediction, explanation: Explanation) -> str:
    """What the explained target stands for; its bare name where it is not among the findings."""
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
    """Effects of the patient's facts, the largest first."""
    return sorted(explanation.facts, key=lambda effect: -abs(effect.logit))


def explanation_rows(explanation: Explanation) -> list[tuple[str, str]]:
    """Label and sentence for what an explanation says beside its picture."""
    strongest = max(explanation.segments, key=lambda segment: abs(segment.logit))
    patient = "cannot be taken away" if explanation.patient is None else _both(explanation.patient)
    rows = [
        ("Whole ECG", _both(explanation.ecg)),
        ("Leads", ", ".join(f"{e.part} {signed(e.logit)}" for e in explanation.leads)),
        ("Strongest moment", f"{strongest.start_s:.2f} to {strongest.end_s:.2f} s: {signed(strongest.logit)}"),
        ("All facts", patient if explanation.facts else "none were given"),
    ]
    if explanation.facts:
        rows.append(("Facts", ", ".join(f"{e.part} {signed(e.logit)}" for e in facts(explanation))))
    if explanation.not_removable:
        names = ", ".join(explanation.not_removable)
        rows.append(("Not known", f"{names} (the model has nothing to put in their place)"))
    return rows


def _both(effect: Effect) -> str:
    return f"{signed(effect.logit)} on the logit, {points(effect.probability)} on the probability"


EXPLAINED_HOW = (
    "Effect on the logit of the calibrated probability: with the part, minus without it. A lead without: flat at its "
    "median. A moment without: a straight line in all leads. A fact without: as if it had not been given. Effects "
    "describe the model, not the patient; they need not add up."
)


def drawn(duration_s: float, page_s: float) -> str:
    """What part of a recording the picture shows, where it is not plainly all of it."""
    if duration_s > page_s:
        return f"The first {page_s:g} s of {duration_s:g} s are drawn."
    return f"The recording is shorter than {page_s:g} s: every column begins at 0 s." if duration_s < page_s else ""
