"""HL7 annotated ECG (aECG), the XML that the FDA takes: value = origin + scale · digit, in a stated unit."""

from __future__ import annotations

from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.numbers import finite, positive
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.readers.xml_tree import attribute, text_of
from ecg2lab.recording import Recording

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_TIME = ("TIME_ABSOLUTE", "TIME_RELATIVE")


def read_aecg(content: Content) -> Recording:
    """Read the rhythm series; representative beats, which are computed, are left alone.

    Raises
    ------
    RecordingError
        If there is not exactly one rhythm series with one sequence set, or it lacks the sampling interval or a scale.
    """
    root = content.tree
    series = _rhythm(root)
    sequences = series.findall("component/sequenceSet/component/sequence")
    rate = _rate(sequences)
    channels = [_channel(sequence, rate) for sequence in sequences if _code(sequence) not in _TIME]
    person = next(root.iter("subjectDemographicPerson"), None)
    began = attribute(series, "effectiveTime/low", "value") or attribute(root, "effectiveTime/low", "value")
    return to_recording(
        channels,
        "HL7 aECG",
        content.name,
        patient_id=attribute(next(root.iter("trialSubject"), None), "id", "extension"),
        acquired=began,
        device=text_of(next(series.iter("manufacturedSeriesDevice"), None), "manufacturerModelName"),
        document_uid=attribute(root, "id", "root"),
        subject=subjects.subject(
            birth=subjects.day((attribute(person, "birthTime", "value") or "")[:8]),
            acquired=subjects.day((began or "")[:8]),
            sex=subjects.sex(attribute(person, "administrativeGenderCode", "code")),
        ),
    )


def _code(element: Element) -> str:
    return (attribute(element, "code", "code") or "").upper()


def _rhythm(root: Element) -> Element:
    every = root.findall("component/series")
    series = [one for one in every if _code(one) == "RHYTHM"]
    if len(series) != 1 or len(series[0].findall("component/sequenceSet")) != 1:
        sets = sum(len(one.findall("component/sequenceSet")) for one in series)
        raise RecordingError(
            f"it has {len(series)} rhythm series with {sets} sequence sets; exactly one of each can be read"
        )
    return series[0]


def _rate(sequences: list[Element]) -> float:
    times = [sequence for sequence in sequences if _code(sequence) in _TIME]
    if len(times) != 1:
        raise RecordingError(f"it has {len(times)} time sequences, not one: its sampling rate cannot be known")
    unit = attribute(times[0], "value/increment", "unit") or ""
    interval = positive(attribute(times[0], "value/increment", "value"), "its sampling interval (increment)")
    if unit.casefold() not in _SECONDS:
        raise RecordingError(f"its sampling interval is in unit {printable(unit)!r}, which is none of s, ms, us")
    return 1 / (interval * _SECONDS[unit.casefold()])


def _channel(sequence: Element, rate: float) -> Channel:
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
    return Channel(name, _digits(value, name), scale * unit, rate, offset_mv=origin * origin_unit)


def _digits(value: Element | None, name: str) -> NDArray[np.float64]:
    try:
        counts = np.array((text_of(value, "digits") or "").split(), dtype=np.float64)
    except ValueError:
        raise RecordingError(f"the digits of lead {printable(name)} are no numbers") from None
    if not np.isfinite(counts).all():
        raise RecordingError(f"the digits of lead {printable(name)} are not finite")
    return counts
