"""The formats that can be read, and how their files are recognised.

The command line imports this module for its help, so it needs no array library.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from ecg2lab.errors import RecordingError
from ecg2lab.readers.content import Content
from ecg2lab.readers.units import printable

if TYPE_CHECKING:
    from ecg2lab.recording import Recording

WFDB_SUFFIXES = (".hea", ".dat", ".mat")
BDF_MARK = b"\xffBIOSEMI"
_XML_STARTS = (b"<", b"\xef\xbb\xbf<", b"\xff\xfe<\0", b"\xfe\xff\0<")
_MFER_PREAMBLE = b"@"
"""Its tag; a length and the mark follow."""
_SCP_FIRST_POINTER = bytes([7, 0, 0, 0])
"""Section 0 points to itself first, at byte 7."""


class Format(NamedTuple):
    """One format; its reader is imported on first use."""

    title: str
    matches: Callable[[Content], bool]
    reader: str
    """Module and function, `module:function`."""

    def read(self, content: Content) -> Recording:
        """Read a file of this format.

        Raises
        ------
        RecordingError
            With what is wrong, but without the file's name.
        """
        module, function = self.reader.split(":")
        recording: Recording = getattr(import_module(f"ecg2lab.readers.{module}"), function)(content)
        return recording


def _is_edf(content: Content) -> bool:
    data = content.data
    return data[:8] == BDF_MARK or (data[:8] == b"0       " and data[184:192].strip().isdigit())


def _is_scp(content: Content) -> bool:
    data = content.data
    return data[8:10] == b"\0\0" and data[22:24] == b"\0\0" and data[28:32] == _SCP_FIRST_POINTER


def _is_mfer(content: Content) -> bool:
    return content.data[:1] == _MFER_PREAMBLE and content.data[2:6] == b"MFR "


def _is_dicom(content: Content) -> bool:
    from ecg2lab.readers.dicom_elements import begins_like_dicom

    return begins_like_dicom(content.data)


def _is_csv(content: Content) -> bool:
    from ecg2lab.readers.csv import looks_like_csv

    return looks_like_csv(content)


def is_xml(content: Content) -> bool:
    """Whether content begins like XML; then it must be valid XML."""
    return content.data.lstrip(b" \t\r\n").startswith(_XML_STARTS)


def _has_root(name: str) -> Callable[[Content], bool]:
    return lambda content: is_xml(content) and content.tree.tag == name


FORMATS = {
    "dicom": Format("DICOM", _is_dicom, "dicom:read_dicom"),
    "edf": Format("EDF, EDF+, BDF", _is_edf, "edf:read_edf"),
    "scp": Format("SCP-ECG", _is_scp, "scp:read_scp"),
    "ishne": Format("ISHNE", lambda content: content.data[:8] == b"ISHNE1.0", "ishne:read_ishne"),
    "mfer": Format("MFER", _is_mfer, "mfer:read_mfer"),
    "aecg": Format("HL7 aECG", _has_root("AnnotatedECG"), "aecg:read_aecg"),
    "muse": Format("GE MUSE XML", _has_root("RestingECG"), "muse:read_muse"),
    "philips": Format("Philips XML", _has_root("restingecgdata"), "philips:read_philips"),
    "cardiosoft": Format("GE CardioSoft XML", _has_root("CardiologyXML"), "cardiosoft:read_cardiosoft"),
    "schiller": Format(
        "Schiller XML", _has_root("com.xiriuz.sema.xml.schillerEDI.SchillerEDI"), "schiller:read_schiller"
    ),
    "mortara": Format("Mortara XML", _has_root("ECG"), "mortara:read_mortara"),
    "csv": Format("CSV", _is_csv, "csv:read_csv"),
}
"""Formats of a single file, by name; WFDB is not among them, since its header is a separate file."""
TITLES = ", ".join(form.title for form in FORMATS.values())


def recognise(content: Content) -> str:
    """The name of the format, recognised by content; the suffix does not matter.

    Raises
    ------
    RecordingError
        If it is none of these, or invalid XML.
    """
    for name, form in FORMATS.items():
        if form.matches(content):
            return name
    root = f" (its root element is {printable(content.tree.tag)})" if is_xml(content) else ""
    raise RecordingError(f"it is in no format that can be read here{root}; tried: WFDB (no header beside it), {TITLES}")
