"""Two runs side by side: what became faster or slower, as a ratio to the floor of its own run."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ecg2lab_bench.measuring.results import Measurement, Results, ResultsError, SubjectName
from ecg2lab_bench.report.page import Page, machine_name, milliseconds, table

_COLUMNS = ("", "batch", "A\n× floor", "B\n× floor", "A\np50 ms", "B\np50 ms", "change")
_Key = tuple[str | None, SubjectName, str | None, int]
"""Model, subject, form and batch."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One subject in both runs."""

    model: str | None
    subject: SubjectName
    form: str | None = None
    """Of a subject that comes in several."""
    batch: int
    p50_ms: tuple[float, float]
    """Of A and of B."""
    ratio: tuple[float, float] | None
    """Over the floor; None: the subject has none."""
    change: float
    """Of the ratio, or of p50 where there is none: -0.1 says that B takes a tenth less."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All subjects that both runs timed."""

    changes: tuple[Change, ...]
    remarks: tuple[str, ...]
    """What makes the two runs less alike."""


def compare(a: Results, b: Results) -> Comparison:
    """Match the subjects of two runs; their implementation may differ (a form is one), floors are left to the ratios.

    Raises
    ------
    ResultsError
        If the runs have no subject in common.
    """
    before, after = _by_key(a), _by_key(b)
    changes = tuple(_change(key, before[key], after[key]) for key in before if key in after)
    if not changes:
        raise ResultsError("the two runs have no subject in common: run both with the same scenario and models")
    return Comparison(changes=changes, remarks=tuple(_remarks(a, b)))


def _by_key(results: Results) -> dict[_Key, Measurement]:
    measured = (m for m in results.measurements if "floor" not in m.subject)
    return {(m.model, m.subject, m.implementation if m.subject == "form" else None, m.batch): m for m in measured}


def _change(key: _Key, a: Measurement, b: Measurement) -> Change:
    model, subject, form, batch = key
    p50 = a.timing.p50_ms, b.timing.p50_ms
    ratio = None if a.ratio is None or b.ratio is None else (a.ratio, b.ratio)
    before, after = ratio or p50
    change = after / before - 1 if before else 0.0
    return Change(model=model, subject=subject, form=form, batch=batch, p50_ms=p50, ratio=ratio, change=change)


def _remarks(a: Results, b: Results) -> Iterator[str]:
    if a.machine.cpu != b.machine.cpu:
        yield f"different machines: {machine_name(a.machine)} and {machine_name(b.machine)}: only ratios compare"
    if a.threads != b.threads:
        yield f"different threads: {a.threads} and {b.threads}"
    digests = {model.key: model.bundle_digest for model in a.models}
    for model in b.models:
        if digests.get(model.key, model.bundle_digest) != model.bundle_digest:
            yield f"the bundle of {model.key} is not the same in both"
    for name, results in (("A", a), ("B", b)):
        for warning in results.warnings:
            yield f"{name}: {warning}"


def page(comparison: Comparison) -> Page:
    """One table."""
    notes = (f"Note: {remark}." for remark in comparison.remarks)
    return Page("ecg2lab bench: two runs", (), (table(_COLUMNS, map(_row, comparison.changes)), *notes))


def _row(c: Change) -> tuple[str, ...]:
    ratios = ("", "") if c.ratio is None else (f"{x:.2f}" for x in c.ratio)
    times = (milliseconds(x) for x in c.p50_ms)
    return f"{c.model or 'all'} {c.form or c.subject}", str(c.batch), *ratios, *times, f"{c.change:+.1%}"
