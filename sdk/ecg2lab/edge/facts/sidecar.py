"""`NAME.facts.json`: facts about the patient, beside the file of the recording NAME."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Any

from ecg2lab.errors import PatientError
from ecg2lab.patient import read_patient
from ecg2lab.system.names import shown

SUFFIX = ".facts.json"
_LARGEST = 65_536
"""Bytes."""


def is_sidecar(name: str) -> bool:
    """Whether a file has facts, and is no recording."""
    return name.endswith(SUFFIX)


def sidecar_of(recording: str, names: Set[str]) -> str | None:
    """The file of a recording's facts.

    Parameters
    ----------
    recording
        Name of its file, or of its header.
    names
        Of the files beside it.

    Returns
    -------
    str or None
        `a.xml.facts.json` before `a.facts.json`; None: it has none.
    """
    for name in (f"{recording}{SUFFIX}", f"{Path(recording).stem}{SUFFIX}"):
        if name in names:
            return name
    return None


def read_sidecar(path: Path) -> dict[str, Any]:
    """Facts by the fields of `Patient`.

    Raises
    ------
    PatientError
        If it is no JSON object of them; the message does not name the file.
    FileNotFoundError
        If it is not there any more.
    """
    if path.stat().st_size > _LARGEST:
        raise PatientError(f"the file of its facts is larger than {_LARGEST >> 10} KiB")
    try:
        return read_patient(path).given()
    except PatientError as error:
        said = str(error)
        for name in (shown(path), str(path)):
            said = said.replace(f"patient file {name}", "the file of its facts")
        raise PatientError(said) from None
