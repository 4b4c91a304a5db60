"""A prediction in words: the phrases that every report shares."""

from __future__ import annotations

from collections.abc import Iterable

from ecg2lab.prediction import Finding, Prediction

Verdict = str


def verdict(finding: Finding) -> Verdict:
    """`detected`, `not detected`, or `no threshold`."""
    if finding.detected is None:
        return "no threshold"
    return "detected" if finding.detected else "not detected"


def abnormality(finding: Finding) -> str:
    """What the target stands for: `Potassium > 5.1 mEq/L`, or its bare name."""
    return str(finding.criterion) if finding.criterion else finding.target


def when(finding: Finding) -> str:
    """The moment that the answer speaks of."""
    return finding.criterion.when if finding.criterion else ""


def percent(value: float, beside: float | None = None) -> str:
    """Whole percent; with a decimal where `beside`, a different value, would read the same."""
    tie = beside is not None and beside != value and f"{beside:.0%}" == f"{value:.0%}"
    return f"{value:.1%}" if tie else f"{value:.0%}"


def by_category(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings under their category, both in order of first appearance."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        category = finding.criterion.category if finding.criterion else "targets"
        groups.setdefault(category, []).append(finding)
    return groups


def inputs(prediction: Prediction) -> list[tuple[str, str]]:
    """Label and sentence for each thing that a reader must know about the inputs."""
    r, p = prediction.recording, prediction.patient
    unused = f", {r.unused_s:g} s at the end unused" if r.unused_s else ""
    span = f"{r.duration_s:g} s at {r.sampling_rate_hz:g} Hz, {r.windows} window{'s' * (r.windows != 1)}{unused}"
    rows = [("Recording", span)]
    if r.derived_leads:
        rows.append(("Derived leads", ", ".join(r.derived_leads)))
    if r.ignored_channels:
        rows.append(("Ignored channels", ", ".join(r.ignored_channels)))
    if r.missing_samples:
        rows.append(("Interpolated", _counts(r.missing_samples)))
    if r.clipped_samples:
        rows.append(("Clipped", _counts(r.clipped_samples)))
    given = [f"{k} {_value(v)}{' (from the file)' * (k in p.from_recording)}" for k, v in p.given.items()]
    rows.append(("Given", ", ".join(given) or "nothing"))
    if p.unused:
        rows.append(("Not used", ", ".join(p.unused)))
    imputed = [f"{name} {_value(value)}" for name, value in p.imputed.items()]
    rows.append(("Imputed", ", ".join(imputed) + " (medians of the training set)" if imputed else "nothing"))
    return rows


def _counts(samples: dict[str, int]) -> str:
    return ", ".join(f"{lead}: {count} sample{'s' * (count != 1)}" for lead, count in samples.items())


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def provenance(prediction: Prediction) -> str:
    """Which model answered, on what."""
    e = prediction.engine
    return (
        f"{e.model} · bundle {e.bundle_digest[:12]} · {e.backend} {e.versions.get(e.backend, '')} ({e.provider}), "
        f"{e.precision}, {e.threads} thread{'s' * (e.threads != 1)} · ecg2lab {e.versions['ecg2lab']}"
    )
