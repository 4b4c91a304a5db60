"""Times of engines beside their floors: a table for each model."""

from __future__ import annotations

from collections.abc import Iterator

from ecg2lab_bench.measuring.results import Measurement, Results
from ecg2lab_bench.report.page import (
    Heading,
    Note,
    Page,
    Row,
    Table,
    left_out_lines,
    machine_lines,
    milliseconds,
    model_lines,
    ratio_figure,
)

COLUMNS = ("", "batch", "p50 ms", "p90 ms", "p99 ms", "calls", "× floor")
EXPLANATION = Note(
    "Floor: the dense products of the layers alone, weights packed, same threads, same run. End to end: a 10-s "
    "12-lead 500-Hz recording to its prediction, all its windows as one batch. × floor: p50 over the p50 of the "
    "fastest floor of that batch."
)


def page(results: Results) -> Page:
    """A table for each model, and one for what all share."""
    parts: list[str | Table] = []
    for model in (*results.models, None):
        parts += model_lines(model) if model else (Heading("all models"),)
        parts.append(Table(COLUMNS, [_row(m) for m in results.of(model.key if model else None)]))
    setting = machine_lines(results.machine, results.threads, results.rounds)
    return Page("ecg2lab bench", setting, (*parts, EXPLANATION, *remarks(results)))


def remarks(results: Results) -> Iterator[str]:
    """What was left out, and warnings."""
    yield from left_out_lines(results.left_out)
    for warning in results.warnings:
        yield f"Warning: {warning}."


def _row(measurement: Measurement) -> Row:
    t = measurement.timing
    label = f"{measurement.subject}, {measurement.implementation}"
    times = (milliseconds(x) for x in (t.p50_ms, t.p90_ms, t.p99_ms))
    cells = (label, str(measurement.batch), *times, str(t.calls), ratio_figure(measurement.ratio))
    return Row(cells, dim=measurement.subject == "floor")
