"""The 12-lead ECG on its paper: 25 mm/s, 10 mm/mV, drawn to scale."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.extras import require
from ecg2lab.recording import Recording

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The customary print: four columns of 2.5 s, consecutive in time, over a rhythm strip.
_LAYOUT = (("I", "aVR", "V1", "V4"), ("II", "aVL", "V2", "V5"), ("III", "aVF", "V3", "V6"))
_RHYTHM = "II"
_COLUMN_S = 2.5
_PAGE_S = _COLUMN_S * 4
_MM_PER_S, _MM_PER_MV = 25.0, 10.0
_ROW_MM, _PULSE_MM, _MARGIN_MM = 30.0, 7.0, 4.0
_MM = 1 / 25.4
_PAPER, _FINE, _COARSE, _INK = "#fffafa", "#f6d5d5", "#e5a5a5", "#1a1a2e"


def figure(recording: Recording, note: str = "") -> Figure:
    """Draw the recording as it was recorded: not clipped, not resampled; missing samples are gaps.

    One unit of the axes is one millimetre of paper.

    Parameters
    ----------
    recording
        With the twelve standard leads, or those from which they follow. Only the first ten seconds are drawn.
    note
        Written below, to the right.

    Raises
    ------
    RecordingError
        If a lead is missing.
    MissingExtraError
        If matplotlib is not installed.
    """
    require("report", "matplotlib")
    from matplotlib.figure import Figure

    width = _PULSE_MM + _PAGE_S * _MM_PER_S + 2 * _MARGIN_MM
    height = (len(_LAYOUT) + 1) * _ROW_MM + 2 * _MARGIN_MM
    fig = Figure(figsize=(width * _MM, height * _MM), facecolor=_PAPER)
    axes = fig.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-_PULSE_MM - _MARGIN_MM, width - _PULSE_MM - _MARGIN_MM), ylim=(0, height))
    axes.axis("off")
    _grid(axes, width, height)
    for row, leads in enumerate(_LAYOUT):
        middle = height - _MARGIN_MM - (row + 0.5) * _ROW_MM
        _pulse(axes, middle)
        for column, lead in enumerate(leads):
            _trace(axes, recording, lead, column * _COLUMN_S, _COLUMN_S, middle)
    bottom = _MARGIN_MM + 0.5 * _ROW_MM
    _pulse(axes, bottom)
    _trace(axes, recording, _RHYTHM, 0, _PAGE_S, bottom)
    axes.text(0, 1.2, "25 mm/s   10 mm/mV", fontsize=7, color=_INK, family="sans-serif")
    axes.text(_PAGE_S * _MM_PER_S, 1.2, note, fontsize=7, color=_INK, family="sans-serif", ha="right")
    return fig


def _grid(axes: Axes, width: float, height: float) -> None:
    left = -_PULSE_MM - _MARGIN_MM
    for step, colour, line in ((1.0, _FINE, 0.35), (5.0, _COARSE, 0.5)):
        across = np.arange(np.ceil(left / step) * step, left + width, step)
        axes.vlines(across, 0, height, colors=colour, linewidths=line, zorder=0)
        up = np.arange(_MARGIN_MM % step, height, step)
        axes.hlines(up, left, left + width, colors=colour, linewidths=line, zorder=0)


def _pulse(axes: Axes, middle: float) -> None:
    """The calibration pulse: 1 mV for 0.2 s, left of the trace."""
    x = np.array([-6.0, -5.5, -5.5, -0.5, -0.5, 0.0])
    y = np.array([0, 0, _MM_PER_MV, _MM_PER_MV, 0, 0]) + middle
    axes.plot(x, y, color=_INK, linewidth=0.6)


def _trace(axes: Axes, recording: Recording, lead: str, at_s: float, seconds: float, middle: float) -> None:
    samples = lead_samples(recording, lead)
    # A recording shorter than the page shows its beginning in every column.
    start_s = at_s if recording.duration_s >= _PAGE_S else 0.0
    first, last = (round(t * recording.fs) for t in (start_s, start_s + seconds))
    part = samples[first : last + 1]
    x = (at_s + np.arange(len(part)) / recording.fs) * _MM_PER_S
    axes.plot(x, middle + part * _MM_PER_MV, color=_INK, linewidth=0.6, solid_joinstyle="round")
    axes.text(at_s * _MM_PER_S + 1, middle + 0.36 * _ROW_MM, lead, fontsize=8, color=_INK, family="sans-serif")
    if at_s > 0:
        axes.plot([at_s * _MM_PER_S] * 2, [middle - 2, middle + 2], color=_INK, linewidth=0.6)


def lead_samples(recording: Recording, lead: str) -> NDArray[np.float64]:
    """One lead in millivolt at the recording's own rate, recorded or derived.

    Raises
    ------
    RecordingError
        If it is neither.
    """
    try:
        return _core.lead(recording.samples, recording.leads, lead)
    except ValueError as error:
        raise RecordingError(f"the ECG cannot be drawn: {error}") from None


def png(recording: Recording, note: str = "", dpi: int = 150) -> bytes:
    """The picture as PNG."""
    return _save(recording, note, format="png", dpi=dpi, metadata={"Software": None})


def svg(recording: Recording) -> str:
    """The picture as an `<svg>` element, text kept as text; the same recording gives the same characters."""
    document = _save(recording, "", format="svg", metadata={"Date": None, "Creator": None}).decode()
    return document[document.index("<svg") :]


def _save(recording: Recording, note: str, **options: Any) -> bytes:
    drawn = figure(recording, note)
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "ecg2lab", "path.simplify": False}):
        drawn.savefig(buffer, facecolor=_PAPER, **options)
    return buffer.getvalue()
