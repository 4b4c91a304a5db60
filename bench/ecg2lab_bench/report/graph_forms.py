"""Forms of one network as a table: a line for each form and runtime, batches side by side, within 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ecg2lab_bench.measuring.results import Measurement, Results
from ecg2lab_bench.report.engine import remarks
from ecg2lab_bench.report.page import (
    Note,
    Page,
    Row,
    Table,
    error_figure,
    machine_lines,
    milliseconds,
    model_lines,
    ratio_figure,
)

FLOOR = "floor"
EXPLANATION = Note(
    "Times: p50 of single calls. × floor: over the fastest floor of that batch, in float32; floor: the dense products "
    "of the layers alone, weights packed, same threads, same run. error: largest of the logits against float64. "
    "depthwise: the kernel as a convolution of each channel, what is exported today; in a graph all else is ours. "
    "PyTorch runs eagerly, kernels computed once. no convolution: what all graphs share, and no network."
)


def page(results: Results) -> Page:
    """One table."""
    models = [line for model in results.models for line in model_lines(model)]
    return Page(
        "ecg2lab bench: forms of a network",
        machine_lines(results.machine, results.threads, results.rounds),
        (*models, Table(_columns(results), list(rows(results))), EXPLANATION, *_own_floors(results), *remarks(results)),
    )


def _columns(results: Results) -> tuple[str, ...]:
    """Titles, a pair for each batch."""
    pairs = ((f"batch {batch}\nms", f"batch {batch}\n× floor") for batch in batches(results))
    return ("", *(title for pair in pairs for title in pair), "MB", "error")


def batches(results: Results) -> list[int]:
    """That were timed, ascending."""
    return sorted({m.batch for m in results.measurements})


def rows(results: Results) -> Iterator[Row]:
    """The floors, then each runtime with its forms."""
    measured = results.measurements
    yield from _rows([m for m in measured if m.subject != "form"], lambda m: m.implementation, FLOOR)
    forms = [m for m in measured if m.subject == "form"]
    for runtime in sorted({_runtime(m) for m in forms}):
        yield from _rows([m for m in forms if _runtime(m) == runtime], form_of, runtime)


def form_of(measurement: Measurement) -> str:
    """Without its runtime."""
    return measurement.implementation.rsplit(", ", 1)[0]


def _runtime(measurement: Measurement) -> str:
    return measurement.implementation.rsplit(", ", 1)[-1]


def _rows(measurements: list[Measurement], label: Callable[[Measurement], str], group: str) -> Iterator[Row]:
    """One line for each label; a measurement of every batch in it."""
    for name in dict.fromkeys(map(label, measurements)):
        line = sorted((m for m in measurements if label(m) == name), key=lambda m: m.batch)
        figures = (figure for m in line for figure in (milliseconds(m.timing.p50_ms), ratio_figure(m.ratio)))
        size, errors = line[0].graph_mb, [m.error for m in line if m.error is not None]
        cells = (f"{size:.1f}" if size else "", error_figure(max(errors)) if errors else "")
        yield Row((name, *figures, *cells), dim=group == FLOOR, group=group)


def _own_floors(results: Results) -> Iterator[str]:
    """What a form of reduced precision takes of the floor of that precision."""
    for batch in batches(results):
        measured = [m for m in results.measurements if m.batch == batch]
        floors = [m for m in measured if m.subject == "reduced floor"]
        if not floors:
            continue
        fastest = min(floors, key=lambda m: m.timing.p50_ms)
        precision = fastest.implementation.split(", ")[0]
        for form in (m for m in measured if form_of(m).endswith(f" {precision}")):
            ratio = form.timing.p50_ms / fastest.timing.p50_ms
            yield f"{form.implementation}, batch {batch}: {ratio:.2f} × the {precision} floor."
