"""roc.png, reliability.png and decision_curves.png: one small panel for each target, so that two dozen stay readable.

Lines differ in dashes and areas in lightness, not in hue alone, so that a colour-blind reader and a black-and-white
printer keep them apart. The user's matplotlibrc changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ecg2lab.report.own_style import own_style
from ecg2lab_training.evaluation import few
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.estimates import Curve, NetBenefit
from ecg2lab_training.evaluation.result import Evaluation, TargetResult
from ecg2lab_training.evaluation.words import decimal, share
from ecg2lab_training.measures import calibration_curve, curves, platt
from ecg2lab_training.measures.reliability import Reliability

_COLUMNS, _PANEL_INCHES, _MOST_PANELS = 6, 2.1, 60
_FEWEST_IN_LINE = 10  # records: the frequency in a bin with fewer jumps about
_TALL = {"roc": 1.08, "reliability": 1.45, "decision_curves": 1.15}  # of a panel's width, with its titles
_BLUE, _GREY, _LIGHT, _BLACK = "#1f5a94", "#8a8a8a", "#b9b9b9", "#000000"
_ENDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)  # of an axis of probabilities
_BARS = 25  # of a distribution
FILES = ("roc.png", "reliability.png", "decision_curves.png")
Draw = Callable[[Any, int], None]


def write(folder: Path, evaluation: Evaluation, cases: Cases) -> tuple[str, ...]:
    """Draw the figures.

    Parameters
    ----------
    folder
        That takes them.
    evaluation
        With the targets in the order of `cases`.
    cases
        Answers and labels, for the ROC and the distributions of probabilities.

    Returns
    -------
    tuple of str
        Notes on targets that have no panel.
    """
    drawn = [index for index, target in enumerate(evaluation.targets) if target.auroc.value is not None]
    kept = sorted(drawn, key=lambda index: -(evaluation.targets[index].auroc.value or 0.0))[:_MOST_PANELS]
    targets, scores, labels = evaluation.targets, cases.probabilities()[:, kept], cases.labels[:, kept]
    calibrated = platt.apply(scores, [targets[index].calibration for index in kept])
    name = f"{evaluation.model.name}: {evaluation.data.part}"

    def roc(axes: Any, place: int) -> None:
        _draw_roc(axes, scores[:, place], labels[:, place])

    def reliability(axes: Any, place: int) -> None:
        _draw_reliability(axes, targets[kept[place]], calibrated[:, place], labels[:, place])

    def decision_curve(axes: Any, place: int) -> None:
        _draw_decision_curve(axes, targets[kept[place]])

    with own_style():
        chosen = [targets[index] for index in kept]
        _figure(folder / FILES[0], f"ROC, {name}", ("1 - specificity", "sensitivity"), chosen, roc)
        title = (
            f"Calibration, {name}\nline: smooth curve with 95 % band; below: distribution of probabilities, "
            "up: positives, down: negatives\npanels differ in scale; without a curve: bins, grey not "
            "calibrated, blue calibrated"
        )
        _figure(folder / FILES[1], title, ("calibrated probability", "frequency"), chosen, reliability)
        title = (
            f"Decision curves, {name}\nsolid: model with 95 % band; dashed: flag everybody; dotted: flag nobody\n"
            "triangle: threshold of the decisions"
        )
        _figure(folder / FILES[2], title, ("threshold of probability", "net benefit"), chosen, decision_curve)
    names = [target.name for index, target in enumerate(targets) if index not in kept]
    return (f"no panel in {', '.join(FILES)} for {', '.join(names)}",) if names else ()


def _figure(path: Path, title: str, words: tuple[str, str], targets: list[TargetResult], draw: Draw) -> None:
    from matplotlib.figure import Figure

    columns = min(max(len(targets), 3), _COLUMNS)  # three, so that the title has room
    rows = max(1, math.ceil(len(targets) / columns))
    width, height = columns * _PANEL_INCHES + 0.7, rows * _PANEL_INCHES * _TALL[path.stem] + 1.2
    figure = Figure(figsize=(width, height))
    # margins in inches: an automatic layout draws everything twice
    bottom = 0.75 if path.stem == "reliability" else 0.55
    figure.subplots_adjust(0.75 / width, bottom / height, 1 - 0.2 / width, 1 - 1.1 / height, wspace=0.38, hspace=0.42)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, axes in enumerate(panels):
        if place >= len(targets):
            axes.set_axis_off()
            continue
        axes.tick_params(labelsize=6.5, length=2, pad=2)
        draw(axes, place)
        heading = axes.set_title(f"{_name(targets[place])}\n{_caption(path.stem, targets[place])}", fontsize=7)
        if few.has_few(targets[place]):
            heading.set_color(_GREY)
            _grey_out(axes)
    figure.suptitle(title, fontsize=9, y=1 - 0.1 / height, va="top")
    figure.supxlabel(words[0], fontsize=8, y=0.1 / height)
    figure.supylabel(words[1], fontsize=8, x=0.1 / width)
    figure.savefig(path, dpi=150, metadata={"Software": None})  # equal evaluations give equal bytes


def _name(target: TargetResult) -> str:
    """As the text says it."""
    return f"{target.criterion}, {target.criterion.when}" if target.criterion else target.name


def _grey_out(axes: Any) -> None:
    """A panel of few cases looks like no evidence."""
    for artist in (*axes.lines, *axes.collections, *(part for inset in axes.child_axes for part in inset.patches)):
        artist.set(color=_LIGHT, alpha=0.35)
    axes.set_facecolor("#f4f4f4")
    middle = {"ha": "center", "va": "center", "transform": axes.transAxes}
    axes.text(0.5, 0.5, "few cases", fontsize=8, color=_BLACK, **middle)


def _caption(figure: str, target: TargetResult) -> str:
    if figure == "roc":
        return f"{decimal(target.auroc.value)} ({target.positives}/{target.negatives})"
    if figure == "decision_curves":
        return f"flags from {share(target.decision.threshold)}" if target.decision else "no decision"
    if target.curve is not None and target.agreement is not None:
        slope = target.agreement.slope.value if target.agreement.slope else None
        return f"intercept {decimal(target.agreement.intercept.value, 2)}, slope {decimal(slope, 2)}"
    before, after = (decimal(measured.ece if measured else None) for measured in (target.before, target.after))
    return f"ECE {before} → {after}"


def _square(axes: Any, end: float) -> None:
    """Both axes from 0 to `end`, and the diagonal."""
    axes.set(
        xlim=(0, end), ylim=(0, end), xticks=(0, end / 2, end), yticks=(0, end / 2, end), aspect="equal", anchor="N"
    )
    axes.set(xticklabels=_ticks(end), yticklabels=_ticks(end))
    axes.plot([0, end], [0, end], color=_GREY, linewidth=0.7, linestyle=":")


def _ticks(end: float) -> list[str]:
    return [f"{x:g}" for x in (0, end / 2, end)]


def _draw_roc(axes: Any, scores: Any, labels: Any) -> None:
    fall_out, sensitivity = curves.roc(scores, labels)
    _square(axes, 1.0)
    axes.plot(fall_out, sensitivity, color=_BLUE, linewidth=1.2)
    axes.fill_between(fall_out, sensitivity, color=_BLUE, alpha=0.08, linewidth=0)


def _draw_reliability(axes: Any, target: TargetResult, probabilities: Any, labels: Any) -> None:
    curve = target.curve
    end = 1.0 if curve is None else next(x for x in _ENDS if x >= max(curve.grid[-1], *curve.frequency))
    _square(axes, end)
    if curve is None:
        _draw_bins(axes, target.before, _GREY)
        _draw_bins(axes, target.after, _BLUE)
    else:
        _draw_curve(axes, curve)
    _draw_distribution(axes.inset_axes((0, -0.42, 1, 0.26)), probabilities, labels, end)


def _draw_curve(axes: Any, curve: Curve) -> None:
    axes.fill_between(curve.grid, curve.low, curve.high, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(curve.grid, curve.frequency, color=_BLUE, linewidth=1.3)


def _draw_bins(axes: Any, measured: Reliability | None, colour: str) -> None:
    if measured is None:
        return
    total = sum(b.count for b in measured.bins)
    many = [b for b in measured.bins if b.count >= _FEWEST_IN_LINE]
    axes.plot([b.mean_probability for b in many], [b.frequency for b in many], color=colour, linewidth=0.8)
    x, y = ([getattr(b, name) for b in measured.bins] for name in ("mean_probability", "frequency"))
    sizes = [4 + 80 * b.count / total for b in measured.bins]
    axes.scatter(x, y, s=sizes, color=colour, linewidth=0, alpha=0.8, clip_on=False)


def _draw_distribution(axes: Any, probabilities: Any, labels: Any, end: float) -> None:
    """Share of either class in each bar, whose heights are to one scale."""
    spread = calibration_curve.distribution(probabilities, labels, round(_BARS / end))
    counts = [kind[:_BARS] / max(kind.sum(), 1) for kind in (spread.positives, spread.negatives)]
    for heights, colour, sign in zip(counts, (_BLUE, _LIGHT), (1, -1), strict=True):
        axes.bar(spread.edges[:_BARS], sign * heights, end / _BARS, align="edge", color=colour, linewidth=0)
    axes.axhline(0, color=_BLACK, linewidth=0.5)
    most = max(heights.max() for heights in counts) or 1.0
    axes.set(xlim=(0, end), ylim=(-most, most), xticks=(), yticks=())
    axes.set_frame_on(False)


def _draw_decision_curve(axes: Any, target: TargetResult) -> None:
    curve = target.net_benefit
    if curve is None:
        axes.set_axis_off()
        return
    top = max(curve.treat_all[0], *curve.high) * 1.08
    axes.set(xscale="log", xlim=(curve.thresholds[0], curve.thresholds[-1]), ylim=(-0.25 * top, top))
    ticks = curve.thresholds[:: (len(curve.thresholds) - 1) // 2]
    axes.set_xticks(ticks, [share(x) for x in ticks])
    axes.minorticks_off()
    middle = float(f"{top / 2:.1g}")
    axes.set_yticks((0, middle), ("0", f"{middle:g}"))
    axes.axhline(0, color=_BLACK, linewidth=0.9, linestyle=":")
    axes.plot(curve.thresholds, curve.treat_all, color=_GREY, linewidth=1.0, linestyle="--")
    axes.fill_between(curve.thresholds, curve.low, curve.high, color=_BLUE, alpha=0.22, linewidth=0)
    axes.plot(curve.thresholds, curve.model, color=_BLUE, linewidth=1.3)
    _mark(axes, target, curve)


def _mark(axes: Any, target: TargetResult, curve: NetBenefit) -> None:
    """A triangle on the model's curve at the threshold of its decisions, where that lies in the range."""
    threshold = target.decision.threshold if target.decision else None
    if threshold is not None and curve.thresholds[0] <= threshold <= curve.thresholds[-1]:
        height = np.interp(math.log(threshold), np.log(curve.thresholds), curve.model)
        axes.plot([threshold], [height], marker="v", markersize=5, color=_BLACK, clip_on=False)
