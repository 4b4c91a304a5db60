"""GE MUSE XML: the rhythm block. The median beats beside it are computed, and are never read."""

from __future__ import annotations

import zlib
from xml.etree.ElementTree import Element

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.numbers import finite, positive, whole
from ecg2lab.readers.units import printable, require_millivolts
from ecg2lab.readers.xml_tree import agreed_text, base64_counts, text_of
from ecg2lab.recording import Recording

_DATE_ORDER = "mdy"
"""MUSE exports dates as `12-31-2024`."""
_UNAPPLIED = ("LeadOffsetFirstSample", "LeadTimeOffset", "FirstSampleBaseline")
"""Shifts whose meaning the format does not document; nonzero ones are refused, since it would be a guess."""


_OFF = "LeadOff"
_NOISE = ("BaselineSway", "ExcessiveACNoise", "MuscleNoise")


def read_muse(content: Content) -> Recording:
    """Read the rhythm leads, usually eight: the four others follow from I and II.

    Raises
    ------
    RecordingError
        If there is not exactly one rhythm block, or a lead's scale, unit, length or checksum is missing or wrong.
    """
    root = content.tree
    rhythms = [block for block in root.findall("Waveform") if text_of(block, "WaveformType") == "Rhythm"]
    if len(rhythms) != 1:
        which = "it does not say when each began: export one" if rhythms else "there is no ECG to read"
        raise RecordingError(f"it has {len(rhythms)} rhythm waveforms; {which}")
    rate = positive(text_of(rhythms[0], "SampleBase"), "its sampling rate (SampleBase)")
    exponent = whole(text_of(rhythms[0], "SampleExponent") or "0")
    if exponent is None or abs(exponent) > 6:
        raise RecordingError("its SampleExponent is no small whole number")
    channels = [_channel(lead, rate * 10.0**exponent) for lead in rhythms[0].findall("LeadData")]
    patient, test = root.find("PatientDemographics"), root.find("TestDemographics")
    acquired = subjects.day(text_of(test, "AcquisitionDate"), _DATE_ORDER)
    return to_recording(
        channels,
        "GE MUSE XML",
        content.name,
        patient_id=text_of(patient, "PatientID"),
        order_id=text_of(root, "Order/HISOrderNumber"),
        acquired=f"{acquired or ''} {text_of(test, 'AcquisitionTime') or ''}",
        device=text_of(test, "AcquisitionDevice"),
        subject=subjects.unless_contradicted(
            lambda: subjects.subject(
                stated=subjects.years(agreed_text(patient, "PatientAge"), agreed_text(patient, "AgeUnits")),
                birth=subjects.day(agreed_text(patient, "DateofBirth"), _DATE_ORDER),
                acquired=acquired,
                sex=subjects.sex(agreed_text(patient, "Gender")),
            )
        ),
        notes=_notes(rhythms[0]),
    )


def _channel(lead: Element, rate: float) -> Channel:
    name = text_of(lead, "LeadID") or "?"
    if lead_of(name) is None:
        return no_lead(name)
    what = f"lead {printable(name)}"
    if (text_of(lead, "LeadSampleSize") or "2") != "2":
        raise RecordingError(f"{what} has samples of {printable(text_of(lead, 'LeadSampleSize') or '')} bytes, not 2")
    for field in _UNAPPLIED:
        if (text := text_of(lead, field)) is not None and finite(text) != 0:
            raise RecordingError(f"{what} has a {field}, which cannot be understood")
    counts = base64_counts(text_of(lead, "WaveFormData"), whole(text_of(lead, "LeadSampleCountTotal")), what)
    checksum = whole(text_of(lead, "LeadDataCRC32"))
    # Zero is that of nobody who computed one.
    if checksum and zlib.crc32(counts.tobytes()) != checksum % 2**32:
        raise RecordingError(
            f"the samples of {what} do not match their checksum: one of the two was changed; export it again"
        )
    per_count = positive(text_of(lead, "LeadAmplitudeUnitsPerBit"), f"the gain of {what}")
    unit = require_millivolts(text_of(lead, "LeadAmplitudeUnits"), name)
    absent = _OFF if _is_marked(lead, _OFF) else ""
    return Channel(name, counts, per_count * unit, rate, absent=absent)


def _is_marked(lead: Element, flag: str) -> bool:
    return (text_of(lead, flag) or "").casefold() in ("true", "1", "yes")


def _notes(rhythm: Element) -> list[str]:
    """The cart's own marks of noise."""
    marked = {
        flag: [
            printable(text_of(lead, "LeadID") or "?") for lead in rhythm.findall("LeadData") if _is_marked(lead, flag)
        ]
        for flag in _NOISE
    }
    return [f"{', '.join(leads)} marked {flag} in the file" for flag, leads in marked.items() if leads]
