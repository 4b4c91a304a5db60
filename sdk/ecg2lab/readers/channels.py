"""From the channels of a file to a `Recording`: the one place where leads are named, scaled and put together."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers.calibration import take_marks_out
from ecg2lab.readers.clock import lay_out
from ecg2lab.readers.deferred import Counts
from ecg2lab.readers.limits import check_duration, check_signals, check_size
from ecg2lab.readers.units import printable
from ecg2lab.recording import Recording
from ecg2lab.recording import leads as lead_names

_PREFIX = re.compile(r"(?:mdc_ecg_)?(?:(?:ecg|ekg|lead)(?:[ _:-]+lead)?[ _:-]+)", re.IGNORECASE)
_REFERENCE = re.compile(r"(?: *[-_] *| +)ref\.?$", re.IGNORECASE)
_IEC_CHEST = frozenset(f"C{number}" for number in range(1, 7))


class Channel(NamedTuple):
    """One signal of a file, as stored."""

    name: str
    counts: Counts
    millivolts_per_count: float
    rate_hz: float
    offset_mv: float = 0.0
    """Millivolt of a count of zero."""
    begins_s: float = 0.0
    """Time of the first sample on the clock of the file."""
    absent: str = ""
    """Why its samples are no signal, in the words of the file; they then count as missing. Empty: they are a signal."""
    missing: float | None = None
    """The count that marks a missing sample; None: no count does."""


def no_lead(name: str) -> Channel:
    """A channel that is no ECG lead, without its samples."""
    return Channel(name, np.empty(0), 1.0, 1.0)


@lru_cache(maxsize=512)
def lead_of(name: str) -> str | None:
    """The lead that a channel's name means, or None.

    `II`, `ECG II`, `EKG II-Ref`, `Lead II` and `MDC_ECG_LEAD_II` are the same lead.
    """
    plain = name.strip()
    prefix = _PREFIX.match(plain)
    return lead_names.canonical(_REFERENCE.sub("", plain[prefix.end() :] if prefix else plain))


def leads_of(names: Sequence[str]) -> list[str | None]:
    """The lead of each channel of one file.

    C1 to C6 are the chest leads if all six exist and none of V1 to V6 does; C3 alone is an EEG electrode.
    """
    leads = [lead_of(name) for name in names]
    electrodes = [place for place, name in enumerate(names) if name.strip().upper() in _IEC_CHEST]
    others = {lead for place, lead in enumerate(leads) if place not in electrodes}
    if len(electrodes) != len(_IEC_CHEST) or others & {leads[place] for place in electrodes}:
        for place in electrodes:
            leads[place] = None
    return leads


def to_recording(
    channels: Sequence[Channel],
    form: str,
    file: str,
    *,
    subject: Patient | None = None,
    notes: Sequence[str] = (),
    **origin: str | None,
) -> Recording:
    """Combine the leads of a file to a recording in millivolt.

    Parameters
    ----------
    channels
        In the order of the file.
    form, file, origin
        As for `source`.
    subject
        What the file says about the patient.
    notes
        Sentences on what the reader left out or moved.

    Raises
    ------
    RecordingError
        If there is no lead, a lead is there twice, or leads differ in rate or length, or were not recorded together.
    """
    check_signals(len(channels))
    named = leads_of([channel.name for channel in channels])
    leads = [(channel, name) for channel, name in zip(channels, named, strict=True) if name]
    if not leads:
        raise RecordingError(f"it has no ECG lead with a known name (channels: {_names(channels)})")
    rate = _common_rate(leads)
    layout = lay_out([(name, channel.begins_s, len(channel.counts)) for channel, name in leads], rate)
    check_size(len(layout.leads) * layout.length)
    check_duration(layout.length / rate)
    samples = np.full((len(layout.leads), layout.length), np.nan) if layout.gaps else None
    if samples is None:
        samples = np.empty((len(layout.leads), layout.length))
    for (channel, name), (row, start) in zip(leads, layout.places, strict=True):
        _write_millivolts(channel, name, samples[row, start : start + len(channel.counts)])
    absent = _absent(leads)
    samples, marks = take_marks_out(samples, rate)
    return Recording.adopt(
        samples,
        fs=rate,
        leads=layout.leads,
        source=source(form, file, **origin),
        subject=subject,
        ignored=[printable(channel.name) for channel, lead in zip(channels, named, strict=True) if not lead],
        notes=[*notes, *absent, *layout.notes, *marks],
    )


def _common_rate(leads: Sequence[tuple[Channel, str]]) -> float:
    first, name = leads[0]
    for other, other_name in leads[1:]:
        if other.rate_hz != first.rate_hz:
            raise RecordingError(
                f"its leads have different sampling rates: {name} {first.rate_hz:g} Hz, "
                f"{other_name} {other.rate_hz:g} Hz"
            )
    # Ten digits: 50 samples in 0.1 s, or one in 0.002 s, are 500 Hz, not 500.00000000000006 Hz.
    return float(f"{first.rate_hz:.10g}")


def _write_millivolts(channel: Channel, name: str, out: NDArray[np.float64]) -> None:
    scale = channel.millivolts_per_count
    if not (math.isfinite(scale) and scale != 0 and math.isfinite(channel.offset_mv)):
        raise RecordingError(f"the gain of lead {name} is zero or no number: its unit cannot be known")
    if channel.absent:
        out.fill(np.nan)
        return
    counts = np.asarray(channel.counts)
    _scale(counts, scale, channel.offset_mv, out)
    if channel.missing is not None:
        np.copyto(out, np.nan, where=counts == channel.missing)


def _scale(counts: NDArray[Any], scale: float, offset_mv: float, out: NDArray[np.float64]) -> None:
    """The double nearest to the decimal value: 0.001 mV is none, but whole counts in a millivolt are."""
    per_millivolt, zero = 1 / scale, -offset_mv / scale
    if not (_is_whole(per_millivolt) and _is_whole(zero)):
        np.multiply(counts, scale, out=out)
        out += offset_mv
        return
    np.subtract(counts, float(round(zero)), out=out)
    out /= round(per_millivolt)


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) <= 1e-12 * abs(number)


def _absent(leads: Sequence[tuple[Channel, str]]) -> list[str]:
    """A sentence for each reason; refused where it is that of all leads."""
    reasons: dict[str, list[str]] = {}
    for channel, name in leads:
        if channel.absent:
            reasons.setdefault(channel.absent, []).append(name)
    if sum(map(len, reasons.values())) == len(leads):
        raise RecordingError(f"it marks all its leads as no signal ({', '.join(reasons)}): record the ECG again")
    return [f"{', '.join(names)} without values: marked {reason} in the file" for reason, names in reasons.items()]


def _names(channels: Sequence[Channel]) -> str:
    names = [printable(channel.name) for channel in channels[:20]]
    return ", ".join(names + (["…"] if len(channels) > 20 else [])) or "none"


def source(form: str, file: str, **origin: str | None) -> dict[str, Any]:
    """`Recording.source` of a file: its name, its format, and its origin as far as the file states it."""
    stated = {name: value.strip() for name, value in origin.items() if value and value.strip()}
    return {"file": file, "format": form, **stated}
