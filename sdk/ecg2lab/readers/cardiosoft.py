"""GE CardioSoft XML: the rhythm strip. Median beats, vector loops and the full disclosure are ignored."""

from __future__ import annotations

from datetime import date
from xml.etree.ElementTree import Element

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.comma_counts import comma_counts
from ecg2lab.readers.content import Content
from ecg2lab.readers.limits import check_size
from ecg2lab.readers.numbers import count, positive, whole
from ecg2lab.readers.units import millivolts, printable
from ecg2lab.readers.xml_tree import agreed_attribute, agreed_text, attribute, text_of
from ecg2lab.recording import Recording

_PER_COUNT = "perlsb"
"""`uVperLsb` is microvolt for one step."""


def read_cardiosoft(content: Content) -> Recording:
    """Read the leads of the strip.

    Raises
    ------
    RecordingError
        If there is not exactly one strip, its rate or resolution is missing, or its samples are not all there.
    """
    root = content.tree
    person, device = root.find("PatientInfo"), root.find("ClinicalInfo/DeviceInfo")
    acquired = _day(root.find("ObservationDateTime"))
    return to_recording(
        _channels(_strip(root)),
        "GE CardioSoft XML",
        content.name,
        patient_id=text_of(person, "PID"),
        order_id=text_of(root, "PatientVisit/OrderNumber"),
        study_uid=text_of(root, "UID/DICOMStudyUID"),
        acquired=f"{acquired or ''} {_clock(root.find('ObservationDateTime'))}",
        device=text_of(device, "Desc"),
        subject=subjects.unless_contradicted(
            lambda: subjects.subject(
                stated=subjects.years(agreed_text(person, "Age"), agreed_attribute(person, "Age", "units")),
                birth=_day(person.find("BirthDateTime") if person is not None else None),
                acquired=acquired,
                sex=subjects.sex(agreed_text(person, "Gender")),
            )
        ),
    )


def _strip(root: Element) -> Element:
    strips = root.findall("StripData")
    if not strips and root.find("FullDisclosure") is not None:
        raise RecordingError("it has the full disclosure only: export it with the 10-second strip (StripData)")
    if len(strips) != 1:
        raise RecordingError(f"it has {len(strips)} elements StripData; exactly one can be read")
    if strips[0].find("Strip") is not None:
        raise RecordingError("its StripData is cut into Strips, as that of an exercise test; a resting ECG is read")
    return strips[0]


def _channels(strip: Element) -> list[Channel]:
    rate = positive(text_of(strip, "SampleRate"), "its sampling rate (SampleRate)")
    if (unit := attribute(strip, "SampleRate", "units") or "").casefold() != "hz":
        raise RecordingError(f"its SampleRate is in unit {printable(unit)!r}; only Hz is read")
    length = count(text_of(strip, "ChannelSampleCountTotal"), "its number of samples (ChannelSampleCountTotal)")
    waveforms = strip.findall("WaveformData")
    leads = whole(text_of(strip, "NumberOfLeads"))
    if leads is not None and leads != len(waveforms):
        raise RecordingError(f"its strip announces {leads} leads and has {len(waveforms)}: export it again")
    check_size(length * len(waveforms))
    per_count = positive(text_of(strip, "Resolution"), "its resolution (Resolution)") * _unit(strip)
    return [_channel(waveform, length, per_count, rate) for waveform in waveforms]


def _unit(strip: Element) -> float:
    """Millivolts in one unit of the resolution."""
    unit = attribute(strip, "Resolution", "units")
    if unit is None:
        raise RecordingError("the file does not state the unit of its Resolution")
    scale = millivolts(unit[: -len(_PER_COUNT)]) if unit.casefold().endswith(_PER_COUNT) else None
    if scale is None:
        raise RecordingError(f"its Resolution is in unit {printable(unit)!r}, which is no voltage for one step")
    return scale


def _channel(waveform: Element, length: int, per_count: float, rate: float) -> Channel:
    name = (waveform.get("lead") or "?").strip()
    if lead_of(name) is None:
        return no_lead(name)
    return Channel(name, comma_counts(waveform.text, length, f"lead {printable(name)}"), per_count, rate)


def _day(stated: Element | None) -> date | None:
    parts = [whole(text_of(stated, part)) for part in ("Year", "Month", "Day")]
    year, month, of_month = (-1 if part is None else part for part in parts)
    return subjects.make_day(year, month, of_month)


def _clock(stated: Element | None) -> str:
    parts = [whole(text_of(stated, part)) for part in ("Hour", "Minute", "Second")]
    return "" if None in parts else ":".join(f"{part:02d}" for part in parts)
