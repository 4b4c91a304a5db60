"""From the channels of a file to a `Recording`: the one place where leads are named, scaled and put together."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.patient import Patient
from ecg2lab.readers.units import printable
from ecg2lab.recording import Recording
from ecg2lab.recording import leads as lead_names

MOST_VALUES = 2**26
"""Samples of all channels together, 3 hours of 12 leads at 500 Hz: a file that announces more is refused unread."""
_PREFIX = re.compile(r"^(?:mdc_ecg_)?(?:ecg|ekg|lead)[ _:-]+(?:lead[ _:-]+)?", re.IGNORECASE)


class Channel(NamedTuple):
    """One signal of a file, as stored."""

    name: str
    counts: NDArray[Any]  # (n,)
    millivolts_per_count: float
    rate_hz: float
    offset_mv: float = 0.0
    """Of a count of zero."""


def no_lead(name: str) -> Channel:
    """A channel of another kind, whose samples are of no interest."""
    return Channel(name, np.empty(0), 1.0, 1.0)


def lead_of(name: str) -> str | None:
    """The lead that a channel's name means, or None: `II`, `ECG II`, `Lead II` and `MDC_ECG_LEAD_II` are one."""
    return lead_names.canonical(_PREFIX.sub("", name.strip()))


def check_size(values: int) -> None:
    """Refuse a number of samples, over all channels, that no ECG of ours has, before anything is made for them.

    Raises
    ------
    RecordingError
        If it is too large.
    """
    if values > MOST_VALUES:
        raise RecordingError(f"it announces {values} samples; at most {MOST_VALUES} are read: cut it into parts")


def to_recording(
    channels: Sequence[Channel], form: str, file: str, *, subject: Patient | None = None, **origin: str | None
) -> Recording:
    """Put the leads of a file together, in millivolt.

    Parameters
    ----------
    channels
        In the order of the file.
    form, file, origin
        As for `source`.
    subject
        What it says of the patient.

    Raises
    ------
    RecordingError
        If there is no lead, a lead is there twice, or leads differ in rate or length.
    """
    leads = [(channel, name) for channel in channels if (name := lead_of(channel.name))]
    if not leads:
        raise RecordingError(f"it has no ECG lead with a known name (channels: {_names(channels)})")
    first = leads[0][0]
    for channel, name in leads[1:]:
        if channel.rate_hz != first.rate_hz:
            raise RecordingError(
                f"its leads have different sampling rates: {leads[0][1]} {first.rate_hz:g} Hz, "
                f"{name} {channel.rate_hz:g} Hz"
            )
        if len(channel.counts) != len(first.counts):
            raise RecordingError(
                f"its leads have different lengths: {leads[0][1]} {len(first.counts)} samples, "
                f"{name} {len(channel.counts)}"
            )
    check_size(len(leads) * len(first.counts))
    return Recording(
        np.stack([_millivolt(channel, name) for channel, name in leads]),
        # Ten digits: 50 samples in 0.1 s, or one in 0.002 s, are 500 Hz, not 500.00000000000006 Hz.
        fs=float(f"{first.rate_hz:.10g}"),
        leads=[name for _, name in leads],
        unit="mV",
        source=source(form, file, **origin),
        subject=subject,
        ignored=[printable(channel.name) for channel in channels if not lead_of(channel.name)],
    )


def _millivolt(channel: Channel, name: str) -> NDArray[np.float64]:
    scale = channel.millivolts_per_count
    if not (math.isfinite(scale) and scale != 0 and math.isfinite(channel.offset_mv)):
        raise RecordingError(f"the gain of lead {name} is zero or no number: its unit cannot be known")
    return channel.counts.astype(np.float64) * scale + channel.offset_mv


def _names(channels: Sequence[Channel]) -> str:
    names = [printable(channel.name) for channel in channels[:20]]
    return ", ".join(names + (["…"] if len(channels) > 20 else [])) or "none"


def source(form: str, file: str, **origin: str | None) -> dict[str, Any]:
    """`Recording.source` of a file: its name, its format, and where it comes from as far as it says so."""
    stated = {name: value.strip() for name, value in origin.items() if value and value.strip()}
    return {"file": file, "format": form, **stated}
