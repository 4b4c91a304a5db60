"""HL7 annotated ECG (aECG), the XML format of the FDA: value = origin + scale · digit, in a stated unit."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.deferred import Deferred
from ecg2lab.readers.limits import MOST_VALUES
from ecg2lab.readers.numbers import finite, positive
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.readers.xml_tree import agreed_attribute, attribute, text_of
from ecg2lab.recording import Recording

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_TIME = ("TIME_ABSOLUTE", "TIME_RELATIVE")
_CLOCK = re.compile(r"\d{8}(\d\d)(\d\d)(\d\d(?:\.\d{1,9})?)", re.ASCII)
_PERSON = ".//subjectDemographicPerson"


def read_aecg(content: Content) -> Recording:
    """Read the rhythm series; representative beats, which are computed, are ignored.

    Raises
    ------
    RecordingError
        If there is not exactly one rhythm series, its leads were not recorded together, or it lacks the sampling
        interval or a scale.
    """
    root = content.tree
    series = _rhythm(root)
    sets = series.findall("component/sequenceSet")
    channels = [channel for one in sets for channel in _set_channels(one, several=len(sets) > 1)]
    began = attribute(series, "effectiveTime/low", "value") or attribute(root, "effectiveTime/low", "value")
    return to_recording(
        channels,
        "HL7 aECG",
        content.name,
        patient_id=attribute(next(root.iter("trialSubject"), None), "id", "extension"),
        acquired=began,
        device=text_of(next(series.iter("manufacturedSeriesDevice"), None), "manufacturerModelName"),
        document_uid=attribute(root, "id", "root"),
        subject=subjects.unless_contradicted(
            lambda: subjects.subject(
                birth=subjects.day((agreed_attribute(root, f"{_PERSON}/birthTime", "value") or "")[:8]),
                acquired=subjects.day((began or "")[:8]),
                sex=subjects.sex(agreed_attribute(root, f"{_PERSON}/administrativeGenderCode", "code")),
            )
        ),
    )


def _code(element: Element) -> str:
    return (attribute(element, "code", "code") or "").upper()


def _rhythm(root: Element) -> Element:
    series = [one for one in root.findall("component/series") if _code(one) == "RHYTHM"]
    if len(series) != 1:
        which = (
            "which of them is meant is not known: export each ECG as a file" if series else "there is no ECG to read"
        )
        raise RecordingError(f"it has {len(series)} rhythm series; {which}")
    return series[0]


def _set_channels(sequences: Element, several: bool) -> list[Channel]:
    """Leads of one set, which have one time; of several sets each says when it begins."""
    own = sequences.findall("component/sequence")
    times = [sequence for sequence in own if _code(sequence) in _TIME]
    if not times:
        raise RecordingError("a sequence set has no time sequence: its sampling rate cannot be known")
    rates = [_rate(time) for time in times]
    if any(rate != rates[0] for rate in rates):
        raise RecordingError(
            "a sequence set has two time sequences of different increments: they contradict each other"
        )
    begins = _head(times[0]) if several else 0.0
    return [_channel(sequence, rates[0], begins) for sequence in own if _code(sequence) not in _TIME]


def _rate(time: Element) -> float:
    unit = attribute(time, "value/increment", "unit") or ""
    interval = positive(attribute(time, "value/increment", "value"), "its sampling interval (increment)")
    if unit.casefold() not in _SECONDS:
        raise RecordingError(f"its sampling interval is in unit {printable(unit)!r}, which is none of s, ms, us")
    return 1 / (interval * _SECONDS[unit.casefold()])


def _head(time: Element) -> float:
    """When a set begins, in seconds: of a day, or from the begin of the series."""
    value, unit = (attribute(time, "value/head", name) or "" for name in ("value", "unit"))
    relative, clock = finite(value), _CLOCK.match(value)
    if unit.casefold() in _SECONDS and relative is not None:
        return relative * _SECONDS[unit.casefold()]
    day = subjects.day(value[:8])
    if _code(time) != "TIME_ABSOLUTE" or clock is None or day is None:
        raise RecordingError("it has several sequence sets, and one does not say when it begins (head)")
    hours, minutes, seconds = (float(part) for part in clock.groups())
    return day.toordinal() * 86400.0 + hours * 3600 + minutes * 60 + seconds


def _channel(sequence: Element, rate: float, begins: float) -> Channel:
    name = attribute(sequence, "code", "code") or "?"
    if lead_of(name) is None:
        return no_lead(name)
    value = sequence.find("value")
    scale = finite(attribute(value, "scale", "value"))
    if scale is None or scale == 0:
        raise RecordingError(f"the file does not state the scale of lead {printable(name)}")
    origin = finite(attribute(value, "origin", "value") or "0")
    if origin is None:
        raise RecordingError(f"the origin of lead {printable(name)} is no number")
    unit = require_millivolts(attribute(value, "scale", "unit"), name)
    origin_unit = require_millivolts(attribute(value, "origin", "unit"), name) if origin else 0.0
    return Channel(name, _digits(value, name), scale * unit, rate, offset_mv=origin * origin_unit, begins_s=begins)


def _digits(value: Element | None, name: str) -> Deferred:
    text, what = text_of(value, "digits") or "", f"the digits of lead {printable(name)}"
    return Deferred(_core.count_words(text, " "), lambda: _core.parse_numbers(text, " ", MOST_VALUES, what))
