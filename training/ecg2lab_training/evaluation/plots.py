"""roc.png and reliability.png: one small panel for each target, so that two dozen stay readable."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.result import Evaluation, TargetResult
from ecg2lab_training.evaluation.words import decimal
from ecg2lab_training.measures import curves
from ecg2lab_training.measures.reliability import Reliability

_COLUMNS, _PANEL_INCHES, _MOST_PANELS = 6, 2.1, 60
_FEWEST_IN_LINE = 10  # records: the frequency in a bin with fewer jumps about
_BLUE, _GREY = "#1f5a94", "#9a9a9a"


def write(folder: Path, evaluation: Evaluation, cases: Cases) -> tuple[str, ...]:
    """Draw both figures.

    Parameters
    ----------
    folder
        That takes roc.png and reliability.png.
    evaluation
        With the targets in the order of `cases`.
    cases
        Answers and labels, for the curves.

    Returns
    -------
    tuple of str
        Notes on targets that have no panel.
    """
    drawn = [index for index, target in enumerate(evaluation.targets) if target.auroc.value is not None]
    kept = sorted(drawn, key=lambda index: -_value(evaluation.targets[index]))[:_MOST_PANELS]
    scores = cases.probabilities()
    lines = {index: curves.roc(scores[:, index], cases.labels[:, index]) for index in kept}
    title = f"{evaluation.model.name}: {evaluation.data.part}"
    _figure(folder / "roc.png", f"ROC, {title}", kept, evaluation, lambda axes, i: _draw_roc(axes, *lines[i]))
    _figure(
        folder / "reliability.png",
        f"Reliability, {title}\ngrey: not calibrated; blue: calibrated; area: records",
        kept,
        evaluation,
        lambda axes, i: _draw_reliability(axes, evaluation.targets[i]),
    )
    names = [t.name for i, t in enumerate(evaluation.targets) if i not in kept]
    return (f"no panel in roc.png and reliability.png for {', '.join(names)}",) if names else ()


def _value(target: TargetResult) -> float:
    return target.auroc.value or 0.0


def _figure(path: Path, title: str, kept: list[int], evaluation: Evaluation, draw: Any) -> None:
    from matplotlib.figure import Figure

    columns = min(max(len(kept), 3), _COLUMNS)  # three, so that the title has room
    rows = max(1, math.ceil(len(kept) / columns))
    width, height = columns * _PANEL_INCHES + 0.7, rows * _PANEL_INCHES * 1.15 + 1.0
    figure = Figure(figsize=(width, height))
    # margins in inches: an automatic layout draws everything twice
    figure.subplots_adjust(0.7 / width, 0.5 / height, 1 - 0.15 / width, 1 - 0.9 / height, wspace=0.12, hspace=0.3)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, index in zip(panels, kept, strict=False):
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1), aspect="equal")
        axes.plot([0, 1], [0, 1], color=_GREY, linewidth=0.6, linestyle=":")
        axes.tick_params(labelsize=7)
        draw(axes, index)
        target = evaluation.targets[index]
        axes.set_title(f"{target.name.replace('_', ' ')}\n{_caption(path.stem, target)}", fontsize=7)
    for axes in panels[len(kept) :]:
        axes.set_axis_off()
    figure.suptitle(title, fontsize=10)
    words = ("1 - specificity", "sensitivity") if path.stem == "roc" else ("predicted probability", "frequency")
    figure.supxlabel(words[0], fontsize=8)
    figure.supylabel(words[1], fontsize=8, x=0.15 / width)
    figure.savefig(path, dpi=150, metadata={"Software": None})  # equal evaluations give equal bytes


def _caption(figure: str, target: TargetResult) -> str:
    if figure == "roc":
        return f"{decimal(target.auroc.value)} ({target.positives}/{target.negatives})"
    before, after = (decimal(measured.ece if measured else None) for measured in (target.before, target.after))
    return f"ECE {before} → {after}"


def _draw_roc(axes: Any, fall_out: NDArray[np.float64], sensitivity: NDArray[np.float64]) -> None:
    axes.plot(fall_out, sensitivity, color=_BLUE, linewidth=1.2)
    axes.fill_between(fall_out, sensitivity, color=_BLUE, alpha=0.08, linewidth=0)


def _draw_reliability(axes: Any, target: TargetResult) -> None:
    for measured, colour in ((target.before, _GREY), (target.after, _BLUE)):
        if measured is not None:
            _draw_bins(axes, measured, colour)


def _draw_bins(axes: Any, measured: Reliability, colour: str) -> None:
    x = [b.mean_probability for b in measured.bins]
    y = [b.frequency for b in measured.bins]
    total = sum(b.count for b in measured.bins)
    many = [b for b in measured.bins if b.count >= _FEWEST_IN_LINE]
    axes.plot([b.mean_probability for b in many], [b.frequency for b in many], color=colour, linewidth=0.8)
    axes.scatter(
        x, y, s=[4 + 80 * b.count / total for b in measured.bins], color=colour, linewidth=0, alpha=0.8, clip_on=False
    )
