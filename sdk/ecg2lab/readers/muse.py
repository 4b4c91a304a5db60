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
from ecg2lab.readers.xml_tree import base64_counts, text_of
from ecg2lab.recording import Recording

_DATE_ORDER = "mdy"
"""`12-31-2024`, as MUSE exports dates."""
_UNAPPLIED = ("LeadOffsetFirstSample", "LeadTimeOffset", "FirstSampleBaseline")
"""Shifts whose meaning the format does not document; nonzero, they would be guessed."""


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
        raise RecordingError(f"it has {len(rhythms)} rhythm waveforms; exactly one can be read")
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
        subject=subjects.subject(
            stated=subjects.years(text_of(patient, "PatientAge"), text_of(patient, "AgeUnits")),
            birth=subjects.day(text_of(patient, "DateofBirth"), _DATE_ORDER),
            acquired=acquired,
            sex=subjects.sex(text_of(patient, "Gender")),
        ),
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
    if checksum is not None and zlib.crc32(counts.tobytes()) != checksum % 2**32:
        raise RecordingError(f"{what} is damaged: it does not match its checksum; export it again")
    per_count = positive(text_of(lead, "LeadAmplitudeUnitsPerBit"), f"the gain of {what}")
    unit = require_millivolts(text_of(lead, "LeadAmplitudeUnits"), name)
    return Channel(name, counts, per_count * unit, rate)
