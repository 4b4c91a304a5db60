"""The 12-lead ECG on its grid, to scale (25 mm/s, 10 mm/mV); an explanation is drawn under the traces."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.answer.explanation import Explanation
from ecg2lab.errors import RecordingError
from ecg2lab.recording import Recording
from ecg2lab.report.own_style import own_style
from ecg2lab.report.words import signed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The customary print: four columns of 2.5 s, consecutive in time, over a rhythm strip.
_LAYOUT = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_RHYTHM = "II"
_COLUMN_S = 2.5
PAGE_S = _COLUMN_S * 4
_MM_PER_S, _MM_PER_MV = 25.0, 10.0
_ROW_MM, _PULSE_MM, _MARGIN_MM = 30.0, 7.0, 4.0
WIDTH_MM = _PULSE_MM + PAGE_S * _MM_PER_S + 2 * _MARGIN_MM
_LEFT_MM = -_PULSE_MM - _MARGIN_MM
"""Left edge of the paper; the traces begin at zero."""
HEIGHT_MM = (len(_LAYOUT) + 1) * _ROW_MM + 2 * _MARGIN_MM
INCH = 25.4
_PAPER, _FINE, _COARSE, _INK = "#fffafa", "#f6d5d5", "#e5a5a5", "#1a1a2e"
RAISES, LOWERS = "#e07b00", "#2f6db5"
"""Colours of effects; readers with red-green blindness can tell them apart, and from the paper."""
_STRONGEST = 0.6
"""Opacity of the largest effect."""


def figure(recording: Recording, note: str = "", explanation: Explanation | None = None) -> Figure:
    """Draw the recording on paper of `WIDTH_MM` by `HEIGHT_MM`.

    Parameters
    ----------
    recording
        With the twelve standard leads, or leads from which they can be derived. Only the first ten seconds are drawn.
    note
        Written below, to the right.
    explanation
        Drawn under the traces.

    Raises
    ------
    RecordingError
        If a lead is missing.
    MissingExtraError
        If matplotlib is not installed.
    """
    with own_style():
        from matplotlib.figure import Figure

        fig = Figure(figsize=(WIDTH_MM / INCH, HEIGHT_MM / INCH), facecolor=_PAPER)
        draw(fig.add_axes((0, 0, 1, 1)), recording, note, explanation)
    return fig


def draw(axes: Axes, recording: Recording, note: str = "", explanation: Explanation | None = None) -> None:
    """Draw the ECG as recorded: not clipped, not resampled, gaps where samples are missing; centred on the median.

    One unit of the axes, which must be `WIDTH_MM` by `HEIGHT_MM` large, is one millimetre of paper.
    """
    axes.set(xlim=(_LEFT_MM, _LEFT_MM + WIDTH_MM), ylim=(0, HEIGHT_MM))
    axes.axis("off")
    _grid(axes)
    rows = [[(lead, column * _COLUMN_S, _COLUMN_S) for column, lead in enumerate(leads)] for leads in _LAYOUT]
    for row, traces in enumerate([*rows, [(_RHYTHM, 0.0, PAGE_S)]]):
        middle = HEIGHT_MM - _MARGIN_MM - (row + 0.5) * _ROW_MM
        _pulse(axes, middle)
        for lead, at_s, seconds in traces:
            # A recording shorter than the page shows its beginning in every column.
            start_s = at_s if recording.duration_s >= PAGE_S else 0.0
            if explanation:
                _shade(axes, explanation, at_s, start_s, seconds, middle)
                _effect(axes, explanation, lead, at_s, middle)
            _trace(axes, recording, lead, at_s, start_s, seconds, middle)
    _label(axes, 0, 1.2, "25 mm/s, 10 mm/mV", 7)
    _label(axes, PAGE_S * _MM_PER_S, 1.2, note, 7, ha="right")


def _label(axes: Axes, x: float, y: float, text: str, size: float, **style: Any) -> None:
    axes.text(x, y, text, **{"fontsize": size, "color": _INK, "family": "sans-serif", "parse_math": False, **style})


def _grid(axes: Axes) -> None:
    left, right = _LEFT_MM, _LEFT_MM + WIDTH_MM
    axes.fill_between((left, right), 0, HEIGHT_MM, color=_PAPER, linewidth=0, zorder=-1)
    for step, colour, line in ((1.0, _FINE, 0.35), (5.0, _COARSE, 0.5)):
        across = np.arange(np.ceil(left / step) * step, right, step)
        axes.vlines(across, 0, HEIGHT_MM, colors=colour, linewidths=line, zorder=0)
        up = np.arange(_MARGIN_MM % step, HEIGHT_MM, step)
        axes.hlines(up, left, right, colors=colour, linewidths=line, zorder=0)


def _pulse(axes: Axes, middle: float) -> None:
    """The calibration pulse: 1 mV for 0.2 s, left of the trace."""
    x = np.array([-6.0, -5.5, -5.5, -0.5, -0.5, 0.0])
    y = np.array([0, 0, _MM_PER_MV, _MM_PER_MV, 0, 0]) + middle
    axes.plot(x, y, color=_INK, linewidth=0.6)


def _trace(
    axes: Axes, recording: Recording, lead: str, at_s: float, start_s: float, seconds: float, middle: float
) -> None:
    samples = lead_samples(recording, lead)
    first, last = (round(t * recording.fs) for t in (start_s, start_s + seconds))
    part = samples[first : last + 1]
    if np.isfinite(samples).any():
        part = part - np.median(samples[np.isfinite(samples)])
    x = (at_s + np.arange(len(part)) / recording.fs) * _MM_PER_S
    axes.plot(x, middle + part * _MM_PER_MV, color=_INK, linewidth=0.6, solid_joinstyle="round")
    _label(axes, at_s * _MM_PER_S + 1, middle + 0.36 * _ROW_MM, lead, 8)
    if at_s > 0:
        axes.plot([at_s * _MM_PER_S] * 2, [middle - 2, middle + 2], color=_INK, linewidth=0.6)


def _shade(axes: Axes, explanation: Explanation, at_s: float, start_s: float, seconds: float, middle: float) -> None:
    """The segments that a trace shows: the stronger the effect on the logit, the darker."""
    strongest = max((abs(segment.logit) for segment in explanation.segments), default=0)
    spans, colours = [], []
    for segment in explanation.segments:
        begin, end = (min(max(t - start_s, 0), seconds) for t in (segment.start_s, segment.end_s))
        if begin < end and segment.logit:
            spans.append(((at_s + begin) * _MM_PER_S, (end - begin) * _MM_PER_S))
            colours.append((_colour(segment.logit), _STRONGEST * abs(segment.logit) / strongest))
    if spans:
        axes.broken_barh(
            spans, (middle - _ROW_MM / 2, _ROW_MM), facecolors=colours, linewidth=0, antialiased=False, zorder=0.5
        )


def _effect(axes: Axes, explanation: Explanation, lead: str, at_s: float, middle: float) -> None:
    """The lead's own effect beside its name; nothing for a lead that the model does not take."""
    for effect in explanation.leads:
        if effect.part == lead:
            x, y = at_s * _MM_PER_S + 9, middle + 0.36 * _ROW_MM
            _label(axes, x, y, signed(effect.logit), 7, color=_colour(effect.logit), weight="bold")


def _colour(effect: float) -> str:
    return RAISES if effect > 0 else LOWERS


def lead_samples(recording: Recording, lead: str) -> NDArray[np.float64]:
    """One lead in millivolt at the recording's own rate, recorded or derived.

    Raises
    ------
    RecordingError
        If the lead was neither recorded nor can be derived.
    """
    try:
        return _core.lead(recording.samples, recording.leads, lead)
    except ValueError as error:
        raise RecordingError(f"the ECG cannot be drawn: {error}") from None


def can_draw(recording: Recording) -> bool:
    """Whether all leads of the picture were recorded or can be derived."""
    return not _core.missing_leads(recording.leads, [lead for row in _LAYOUT for lead in row])


def png(recording: Recording, note: str = "", dpi: int = 150) -> bytes:
    """The picture as PNG."""
    return _save(recording, note, format="png", dpi=dpi, metadata={"Software": None})


def svg(recording: Recording, explanation: Explanation | None = None) -> str:
    """The picture as an `<svg>` element, text kept as text; the same recording gives the same characters."""
    options = {"format": "svg", "metadata": {"Date": None, "Creator": None}}
    document = _save(recording, "", explanation, **options).decode()
    return document[document.index("<svg") :]


def _save(recording: Recording, note: str, explanation: Explanation | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with own_style(**{"svg.fonttype": "none", "svg.hashsalt": "ecg2lab", "path.simplify": False}):
        figure(recording, note, explanation).savefig(buffer, facecolor=_PAPER, **options)
    return buffer.getvalue()
