"""Schiller XML (SEMA, AT-1xx, MS-2xxx): the rhythm of the only event. The averages beside it are ignored."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.comma_counts import comma_counts
from ecg2lab.readers.content import Content
from ecg2lab.readers.limits import check_size
from ecg2lab.readers.numbers import count, finite, positive
from ecg2lab.readers.units import millivolts, printable
from ecg2lab.readers.xml_tree import agreed_text, text_of
from ecg2lab.recording import Recording

_RHYTHMS = ("ECG_RHYTHMS", "ECG_RHYTHM")
_STORED_AS = "COMMASEPARATE"


def read_schiller(content: Content) -> Recording:
    """Read the rhythm leads.

    Raises
    ------
    RecordingError
        If there is not exactly one rhythm, its rate or resolution is missing, or its samples are incomplete or stored
        in another way.
    """
    root = content.tree
    rhythms = [
        data for data in root.findall("eventdata/event/wavedata") if (text_of(data, "type") or "").upper() in _RHYTHMS
    ]
    if len(rhythms) != 1:
        raise RecordingError(f"it has {len(rhythms)} wavedata of type ECG_RHYTHMS; exactly one can be read")
    exam, person = root.find("examdescript"), root.find("patdata")
    day, time = (text_of(exam, f"startdatetime/{part}") or "" for part in ("date", "time"))
    return to_recording(
        _channels(rhythms[0]),
        "Schiller XML",
        content.name,
        patient_id=text_of(person, "id"),
        order_id=text_of(exam, "order_id"),
        acquired=f"{day} {time}",
        device=text_of(exam, "aquiringdevice/hardware/model"),  # spelt so
        subject=subjects.unless_contradicted(
            lambda: subjects.subject(
                birth=subjects.day(agreed_text(person, "birthdate")),
                acquired=subjects.day(day),
                sex=subjects.sex(agreed_text(person, "gender")),
            )
        ),
    )


def _channels(rhythm: Element) -> list[Channel]:
    rate = positive(text_of(rhythm, "resolution/samplerate/value"), "its sampling rate (samplerate)")
    # No file was seen with another, and nothing says whether it is a power of ten.
    if finite(text_of(rhythm, "resolution/samplerate/exponent") or "1") != 1:
        raise RecordingError("its samplerate has an exponent other than 1, which cannot be understood")
    per_count = positive(text_of(rhythm, "resolution/yres/unitperbit"), "its resolution (yres)")
    scale = millivolts(unit := text_of(rhythm, "resolution/yres/units"))
    if scale is None:
        raise RecordingError(f"its resolution (yres) is in unit {printable(unit or '')!r}, which is no voltage")
    return [_channel(channel, per_count * scale, rate) for channel in rhythm.findall("channel")]


def _channel(channel: Element, per_count: float, rate: float) -> Channel:
    name = text_of(channel, "name") or "?"
    if lead_of(name) is None:
        return no_lead(name)
    what = f"lead {printable(name)}"
    if (stored := (text_of(channel, "datastype") or "").upper()) != _STORED_AS:
        raise RecordingError(f"{what} is stored as {printable(stored)!r}; only {_STORED_AS} is read")
    samples = count(text_of(channel, "samplecount"), f"the number of samples of {what} (samplecount)")
    check_size(samples)
    return Channel(name, comma_counts(text_of(channel, "data"), samples, what), per_count, rate)
