"""Calibration marks of ECG carts: a rectangle of 1 mV in all leads at once, which is no ECG.

By Einthoven's law leads I, II and III cannot all rise by 1 mV together, so no heart produces such a mark.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_HEIGHT_MV, _TOLERANCE = 1.0, 0.05
_FLAT_MV, _EXACT_MV = 0.03, 1e-9
"""How far the plateau of a recorded mark may deviate, and that of one that the cart computed."""
_EDGE_S = 0.012
"""How long an edge may take."""
_SHORTEST_S, _LONGEST_S = 0.05, 1.5
_LONGEST_FLANK_S = 1.0
"""Longest flat part beside a mark that counts as part of it."""
_BLOCK = 2**11
"""Samples that are examined at once, so that no temporary array has the length of a recording."""


class _Mark(NamedTuple):
    """First sample, and the one after the last, with the flat parts on either side."""

    start: int
    stop: int


def take_marks_out(samples: NDArray[np.float64], rate_hz: float) -> tuple[NDArray[np.float64], list[str]]:
    """Cut off marks at either end, and make those in between missing; `samples`, (leads, n) mV, are overwritten.

    Returns
    -------
    ndarray, list of str
        The remaining samples, and a sentence for each mark.
    """
    begin, end, notes = 0, samples.shape[1], []
    for start, stop in _joined(find_marks(samples, rate_hz)):
        if stop - start >= end - begin:
            break  # there is nothing else: it is judged as it is
        notes.append(f"calibration mark from {start / rate_hz:.6g} to {stop / rate_hz:.6g} s taken out of all leads")
        if start <= begin:
            begin = stop
        elif stop >= end:
            end = start
        else:
            samples[:, start:stop] = np.nan
    return _cut(samples, begin, end), notes


def _joined(marks: list[_Mark]) -> list[_Mark]:
    """Marks that share what is flat between them as one."""
    joined: list[_Mark] = []
    for mark in marks:
        if joined and mark.start <= joined[-1].stop:
            joined[-1] = _Mark(joined[-1].start, mark.stop)
        else:
            joined.append(mark)
    return joined


def find_marks(samples: NDArray[np.float64], rate_hz: float) -> list[_Mark]:
    """Marks in (leads, n) mV, in order of time; leads without any value are ignored."""
    rows = [row for row in samples if not np.isnan(row).all()]
    width = max(1, round(_EDGE_S * rate_hz))
    if len(rows) < 2 or samples.shape[1] <= width:
        return []
    tops, reach = _tops(rows, width), round((_LONGEST_S + _LONGEST_FLANK_S) * rate_hz) + width + 2
    marks: list[_Mark] = []
    for top in tops.tolist():
        if marks and top < marks[-1].stop:
            continue
        first = max(0, top - reach)
        mark = _mark_around(np.stack([row[first : top + reach] for row in rows]), top - first, width, rate_hz)
        if mark:
            marks.append(_Mark(mark.start + first, mark.stop + first))
    return marks


def _tops(rows: list[NDArray[np.float64]], width: int) -> NDArray[np.intp]:
    """Samples of plateaus: behind a rise, or before a fall, by 1 mV that all leads make together."""
    places = _steps(rows[0], width)
    signs = np.sign(rows[0][places + width] - rows[0][places])
    for row in rows[1:]:  # few places are left to look at
        same = np.abs(signs * (row[places + width] - row[places]) - _HEIGHT_MV) <= _TOLERANCE * _HEIGHT_MV
        places, signs = places[same], signs[same]
    # Of neighbours, which belong to one step, the last.
    last = np.append((np.diff(places) > 1) | (np.diff(signs) != 0), True)[: len(places)]
    return np.sort(np.where(signs > 0, places + width, places)[last])


def _steps(row: NDArray[np.float64], width: int) -> NDArray[np.intp]:
    """Samples of a lead from which it rises or falls by 1 mV."""
    steps = []
    for start in range(0, len(row) - width, _BLOCK):
        part = row[start : start + _BLOCK + width]
        heights = part[width:] - part[:-width]
        steps.append(start + np.flatnonzero(np.abs(np.abs(heights) - _HEIGHT_MV) <= _TOLERANCE * _HEIGHT_MV))
    return np.concatenate(steps)


def _mark_around(rows: NDArray[np.float64], top: int, width: int, rate_hz: float) -> _Mark | None:
    """The mark whose plateau a sample belongs to; None if it is no rectangle."""
    for tolerance in (_EXACT_MV, _FLAT_MV):
        start, stop = _flat_around(rows, top, tolerance, round(_LONGEST_S * rate_hz))
        if not _SHORTEST_S * rate_hz <= stop - start < _LONGEST_S * rate_hz:
            continue
        base = rows[:, top] - _HEIGHT_MV
        left = _flank(rows, range(start - 1, max(start - 1 - width, -1), -1), base)
        right = _flank(rows, range(stop, min(stop + width, rows.shape[1])), base)
        if (left is None and start > 0) or (right is None and stop < rows.shape[1]) or left is right is None:
            continue
        most = round(_LONGEST_FLANK_S * rate_hz)
        first = start if left is None else _flat_around(rows, left, tolerance, most)[0]
        last = stop if right is None else _flat_around(rows, right, tolerance, most)[1]
        return _Mark(first, last)
    return None


def _flank(rows: NDArray[np.float64], places: range, base: NDArray[np.float64]) -> int | None:
    """The nearest sample at which all leads have the level of before or after."""
    near = (place for place in places if (np.abs(rows[:, place] - base) <= _TOLERANCE * _HEIGHT_MV).all())
    return next(near, None)


def _flat_around(rows: NDArray[np.float64], place: int, tolerance: float, most: int) -> tuple[int, int]:
    """First sample, and the one after the last, of what has the level of a sample in all leads, at most so far off."""
    first = max(0, place - most)
    level = rows[:, place : place + 1]
    away: NDArray[np.bool_] = np.any(~(np.abs(rows[:, first : place + most] - level) <= tolerance), axis=0)
    before, after = np.flatnonzero(away[: place - first]), np.flatnonzero(away[place - first :])
    start = first + int(before[-1]) + 1 if len(before) else first
    return start, place + int(after[0]) if len(after) else min(place + most, rows.shape[1])


def _cut(samples: NDArray[np.float64], begin: int, end: int) -> NDArray[np.float64]:
    """Keep samples `begin` to `end` of each lead, moved within the same memory."""
    leads, length = samples.shape
    if end - begin == length:
        return samples
    flat, kept = samples.ravel(), end - begin
    for row in range(leads):
        flat[row * kept : (row + 1) * kept] = flat[row * length + begin : row * length + end]
    return flat[: leads * kept].reshape(leads, kept)
