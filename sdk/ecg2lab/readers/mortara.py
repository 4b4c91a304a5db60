"""Mortara (Welch Allyn, Hillrom) ELI XML: one CHANNEL element for each lead; the typical cycle is ignored."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from ecg2lab.errors import RecordingError
from ecg2lab.readers import subject as subjects
from ecg2lab.readers.channels import Channel, lead_of, no_lead, to_recording
from ecg2lab.readers.content import Content
from ecg2lab.readers.numbers import finite, positive, whole
from ecg2lab.readers.units import printable
from ecg2lab.readers.xml_tree import agreed_attribute, attribute, base64_counts
from ecg2lab.recording import Recording

_STORED_AS = {"BITS": "16", "FORMAT": "SIGNED", "ENCODING": "BASE64"}


def read_mortara(content: Content) -> Recording:
    """Read the rhythm channels.

    Raises
    ------
    RecordingError
        If a channel is not stored as signed 16-bit samples, or lacks its rate or gain.
    """
    root = content.tree
    acquired = root.get("ACQUISITION_TIME") or ""
    return to_recording(
        [_channel(channel) for channel in root.findall("CHANNEL")],
        "Mortara XML",
        content.name,
        patient_id=attribute(root, "SUBJECT", "ID"),
        acquired=acquired,
        device=attribute(root, "SOURCE", "MODEL") or attribute(root, "SOURCE", "TYPE"),
        subject=subjects.unless_contradicted(
            lambda: subjects.subject(
                stated=subjects.years(root.get("AGE"), root.get("AGE_UNITS")),
                birth=subjects.day(agreed_attribute(root, "SUBJECT", "DOB")),
                acquired=subjects.day(acquired[:8]),
                sex=subjects.sex(agreed_attribute(root, "SUBJECT", "GENDER")),
            )
        ),
    )


def _channel(channel: Element) -> Channel:
    name = channel.get("NAME") or "?"
    if lead_of(name) is None:
        return no_lead(name)
    what = f"channel {printable(name)}"
    for field, readable in _STORED_AS.items():
        if (stored := (channel.get(field) or readable).strip().upper()) != readable:
            raise RecordingError(f"{what} has {field} {printable(stored)}; only {readable} is read")
    if finite(channel.get("OFFSET") or "0") != 0:
        raise RecordingError(f"{what} has an OFFSET, which cannot be understood")
    counts = base64_counts(channel.get("DATA") or channel.text, whole(channel.get("DURATION")), what)
    rate = positive(channel.get("SAMPLE_FREQ"), f"the sampling rate of {what} (SAMPLE_FREQ)")
    return Channel(name, counts, 1 / positive(channel.get("UNITS_PER_MV"), f"the gain of {what} (UNITS_PER_MV)"), rate)
