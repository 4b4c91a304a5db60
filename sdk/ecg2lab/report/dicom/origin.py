"""Whose ECG it is, in which study, and which instance: what the objects made from it take over.

A recording that came as DICOM states it in its data set, of which only these elements are read. Of any other recording
it is what its source says.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

from ecg2lab.errors import OutputError, RecordingError
from ecg2lab.readers.byte_fields import decoded
from ecg2lab.readers.dicom_elements import Elements, begins_like_dicom, parse
from ecg2lab.report import words
from ecg2lab.report.acquired import acquired

_LONGEST = 1024
"""Bytes of a value that is taken over: no such element may have more."""
_LONGEST_NUMBER = 64
"""Characters of a patient's number (LO)."""
_CHARACTER_SET, _SOP_CLASS, _SOP_INSTANCE, _SERIES = 0x0008_0005, 0x0008_0016, 0x0008_0018, 0x0020_000E
_DAY, _TIME, _WORD = r"\d{8}", r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?", r"[\s\S]*"
_NUMBER = r"\d{1,8}(\.\d{1,7})?"
_ZONE, _UID = r"[+-]\d{4}", r"\d[\d.]{0,63}"
_TAKEN: dict[int, tuple[str, str]] = {
    0x0008_0020: ("StudyDate", _DAY),
    0x0008_0030: ("StudyTime", _TIME),
    0x0008_002A: ("AcquisitionDateTime", rf"\d{{4,14}}(\.\d{{1,6}})?({_ZONE})?"),
    0x0008_0050: ("AccessionNumber", _WORD),
    0x0008_0090: ("ReferringPhysicianName", _WORD),
    0x0008_0201: ("TimezoneOffsetFromUTC", _ZONE),
    0x0008_1030: ("StudyDescription", _WORD),
    0x0010_0010: ("PatientName", _WORD),
    0x0010_0020: ("PatientID", _WORD),
    0x0010_0021: ("IssuerOfPatientID", _WORD),
    0x0010_0030: ("PatientBirthDate", _DAY),
    0x0010_0040: ("PatientSex", "[MFO]"),
    0x0010_1010: ("PatientAge", r"\d{3}[DWMY]"),
    0x0010_1020: ("PatientSize", _NUMBER),
    0x0010_1030: ("PatientWeight", _NUMBER),
    0x0020_000D: ("StudyInstanceUID", _UID),
    0x0020_0010: ("StudyID", _WORD),
}
"""Keyword of each element, and the form of a value that is taken over: what the standard does not allow is left out."""
_WANTED = frozenset((*_TAKEN, _CHARACTER_SET, _SOP_CLASS, _SOP_INSTANCE, _SERIES))


class Instance(NamedTuple):
    """A DICOM instance, and where it stands."""

    sop_class: str
    uid: str
    series: str
    study: str
    """Empty as the one before: not stated."""


class Origin(NamedTuple):
    """What is taken over."""

    attributes: dict[str, str]
    """Of patient and study, by keyword."""
    ecg: Instance | None
    """None: the recording did not come as DICOM, or does not say which instance it is."""


def origin(source: Mapping[str, Any] | None, data: bytes | None) -> Origin:
    """Of a recording.

    Parameters
    ----------
    source
        Of the recording; None: it could not be read.
    data
        Its file, where it is a single one.

    Raises
    ------
    OutputError
        If the patient's number does not fit into DICOM.
    """
    if data is not None and begins_like_dicom(data):
        try:
            return _of_data_set(parse(data, _WANTED).elements)
        except RecordingError:  # refused already; what it says of its patient is not to be trusted
            return Origin({}, None)
    return Origin(_of_source(source or {}), None)


def _of_data_set(elements: Elements) -> Origin:
    characters = _bytes(elements, _CHARACTER_SET).decode("latin-1").strip(" \0")
    attributes = {}
    for tag, (keyword, form) in _TAKEN.items():
        text = _text(_bytes(elements, tag), characters, keyword)
        if text and re.fullmatch(form, text, re.ASCII):
            attributes[keyword] = text
    said = {tag: _bytes(elements, tag).decode("latin-1").strip(" \0") for tag in (_SOP_CLASS, _SOP_INSTANCE, _SERIES)}
    uids = {tag: text if re.fullmatch(_UID, text, re.ASCII) else "" for tag, text in said.items()}
    if not (uids[_SOP_CLASS] and uids[_SOP_INSTANCE]):
        return Origin(attributes, None)
    study = attributes.get("StudyInstanceUID", "")
    return Origin(attributes, Instance(uids[_SOP_CLASS], uids[_SOP_INSTANCE], uids[_SERIES], study))


def _bytes(elements: Elements, tag: int) -> bytes:
    value = elements.get(tag, b"")
    return value if isinstance(value, bytes) else b""


def _text(value: bytes, characters: str, keyword: str) -> str:
    """In the characters that the data set names; without them in UTF-8 or Latin-1."""
    from pydicom.charset import convert_encodings, decode_bytes

    if len(value) > _LONGEST:
        raise OutputError(f"DICOM has no room for it: its {keyword} has more than {_LONGEST} bytes")
    if not characters:
        return decoded(value).strip(" \0")
    delimiters = {0x5E, 0x3D} if keyword.endswith("Name") else {0x5C, 0x0A, 0x0D, 0x0C, 0x09}
    with warnings.catch_warnings():  # of pydicom, which quotes values
        warnings.simplefilter("ignore")
        try:
            text: str = decode_bytes(value, convert_encodings(characters.split("\\")), delimiters)
        except (LookupError, ValueError):
            text = decoded(value)
    return text.strip(" \0")


def _of_source(source: Mapping[str, Any]) -> dict[str, str]:
    attributes = {}
    number = str(source.get("patient_id") or "").strip()
    if number:
        if len(number) > _LONGEST_NUMBER or "\\" in number or words.clean(number) != number:
            raise OutputError(
                f"DICOM has no room for the patient's number: it has more than {_LONGEST_NUMBER} characters, "
                "a backslash or control characters"
            )
        attributes["PatientID"] = number
    moment = acquired(source)
    if moment is not None:
        attributes["StudyDate"] = f"{moment.day:%Y%m%d}"
        attributes["StudyTime"] = moment.time
        attributes["AcquisitionDateTime"] = moment.hl7
    return attributes
