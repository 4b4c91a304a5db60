"""Leads of a file on one clock: leads that begin late are shifted, leads recorded one after another are refused."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ecg2lab.errors import RecordingError

_LEAST_COMMON = 0.5
"""Share of the time that all leads must have in common. In a print format of 4 × 2.5 s there is none."""


class Layout(NamedTuple):
    """Where each part of a lead is placed."""

    leads: list[str]
    """Each name once, in the order of the file."""
    length: int
    """In samples."""
    places: list[tuple[int, int]]
    """For each part its lead and its first sample."""
    gaps: bool
    """Whether some lead has no sample at some time."""
    notes: list[str]


def lay_out(parts: Sequence[tuple[str, float, int]], rate_hz: float) -> Layout:
    """Place parts on the clock of the file, to the nearest sample.

    Parameters
    ----------
    parts
        Of each part its lead, when it begins (s), and its number of samples. A lead may have several parts, of which
        other leads may lack some.
    rate_hz
        Sampling rate of all parts.

    Raises
    ------
    RecordingError
        If parts of a lead overlap, leads of one part have different lengths, or they share too little time.
    """
    first = min(begins for _, begins, _ in parts)
    starts = [round((begins - first) * rate_hz) for _, begins, _ in parts]
    leads = list(dict.fromkeys(name for name, _, _ in parts))
    spans: dict[str, list[tuple[int, int]]] = {name: [] for name in leads}
    for (name, _, size), start in zip(parts, starts, strict=True):
        spans[name].append((start, start + size))
    for name, own in spans.items():
        own.sort()
        if any(after[0] < before[1] for before, after in pairwise(own)):
            raise RecordingError(f"lead {name} appears twice for the same time: leave one of the two out")
    in_parts = len(parts) > len(leads)
    if not in_parts:
        _check_lengths({name: own[0][1] - own[0][0] for name, own in spans.items()})
    length = max(own[-1][1] for own in spans.values())
    whole = all(sum(end - start for start, end in own) == length for own in spans.values())
    if not whole:
        _check_together(spans, 1 if in_parts else _LEAST_COMMON * length, rate_hz)
    return Layout(
        leads,
        length,
        [(leads.index(name), start) for (name, _, _), start in zip(parts, starts, strict=True)],
        not whole,
        [] if whole else _notes(spans, rate_hz),
    )


def _check_lengths(lengths: dict[str, int]) -> None:
    (first, size), *others = lengths.items()
    for name, other in others:
        if other != size:
            raise RecordingError(f"its leads have different lengths: {first} {size} samples, {name} {other}")


def _check_together(spans: dict[str, list[tuple[int, int]]], least: float, rate_hz: float) -> None:
    common = min(own[-1][1] for own in spans.values()) - max(own[0][0] for own in spans.values())
    if common >= least:
        return
    times = "; ".join(f"{', '.join(names)} from {start / rate_hz:g} s" for start, names in _by_time(spans, 0))
    raise RecordingError(
        f"its leads were recorded one after another ({times}), as printed formats are: "
        "export the full time of all leads at once"
    )


def _by_time(spans: dict[str, list[tuple[int, int]]], edge: int) -> list[tuple[int, list[str]]]:
    """Leads by where they begin (0) or end (1), in the order of time."""
    leads: dict[int, list[str]] = {}
    for name, own in spans.items():
        leads.setdefault(own[-edge][edge], []).append(name)
    return sorted(leads.items())


def _notes(spans: dict[str, list[tuple[int, int]]], rate_hz: float) -> list[str]:
    length = max(own[-1][1] for own in spans.values())
    late = [
        f"{', '.join(names)} begin{'s' * (len(names) == 1)} {start / rate_hz:g} s late: missing before"
        for start, names in _by_time(spans, 0)
        if start
    ]
    # What was moved as a whole ends later, too, and that needs no word.
    early = [
        f"{', '.join(names)} end{'s' * (len(names) == 1)} {(length - end) / rate_hz:g} s early: missing behind"
        for end, names in _by_time(spans, 1)
        if end < length and not late
    ]
    inner = [name for name, own in spans.items() if sum(e - s for s, e in own) < own[-1][1] - own[0][0]]
    return [*late, *early, *([f"{', '.join(inner)}: a gap between two parts is missing"] if inner else [])]
