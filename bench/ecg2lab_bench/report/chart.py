"""Forms of a network as a picture: what each takes, as a multiple of the floor."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ecg2lab.report.own_style import own_style
from ecg2lab_bench.measuring.results import Measurement, Results
from ecg2lab_bench.report.graph_forms import batches
from ecg2lab_bench.report.page import machine_name, model_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHART = "results.png"
_COLORS = ("#2a6f97", "#a9d6e5", "#61a5c2", "#013a63")
_TICKS = (0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
_INCHES_A_FORM, _INCHES_AROUND, _WIDTH = 0.42, 1.6, 8.0


def png(results: Results) -> bytes:
    """Draw a bar for each form, runtime and batch, the fastest on top.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    with own_style():
        return _drawn(results)


def _drawn(results: Results) -> bytes:
    from matplotlib.figure import Figure

    forms = [m for m in results.measurements if m.subject == "form"]
    names = _fastest_last(forms)
    figure = Figure(figsize=(_WIDTH, _INCHES_AROUND + _INCHES_A_FORM * len(names)), layout="constrained")
    axes = figure.subplots()
    for index, batch in enumerate(batches(results)):
        ratios = {m.implementation: m.ratio or 0.0 for m in forms if m.batch == batch}
        _bars(axes, [ratios.get(name, 0.0) for name in names], index, len(batches(results)), f"batch {batch}")
    axes.set_yticks(range(len(names)), names)
    _scale(axes, [m.ratio or 1.0 for m in forms])
    axes.set_xlabel(f"× floor (the dense products alone, float32), threads: {results.threads}; logarithmic")
    title = "; ".join(model_lines(model)[0] for model in results.models)
    axes.set_title(f"{title}\n{machine_name(results.machine)}", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    return buffer.getvalue()


def _fastest_last(forms: list[Measurement]) -> list[str]:
    """Names by the ratio of their smallest batch: a picture's rows grow upwards."""
    ratios = {m.implementation: m.ratio or 0.0 for m in sorted(forms, key=lambda m: -m.batch)}
    return sorted(ratios, key=lambda name: -ratios[name])


def _scale(axes: Axes, ratios: list[float]) -> None:
    """Logarithmic from the floor on, so that a factor is a length; reduced precision may stand below it."""
    smallest, largest = min(ratios), 1.6 * max(ratios)  # room for the figure at the end of a bar
    axes.set_xscale("log")
    axes.set_xlim(1.0 if smallest >= 1 else 0.7 * smallest, largest)
    axes.axvline(1, color="black", linewidth=1)
    ticks = [tick for tick in _TICKS if axes.get_xlim()[0] <= tick <= largest]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()


def _bars(axes: Axes, ratios: list[float], index: int, count: int, label: str) -> None:
    height = 0.8 / count
    places = [row + 0.4 - height * (index + 0.5) for row in range(len(ratios))]
    bars = axes.barh(places, ratios, height, color=_COLORS[index % len(_COLORS)], label=label)
    axes.bar_label(bars, [f"{ratio:.2f}" if ratio else "" for ratio in ratios], padding=2, fontsize=7)
