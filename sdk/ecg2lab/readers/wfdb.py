"""WFDB records (PhysioNet), by the wfdb package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ecg2lab import leads as lead_names
from ecg2lab.errors import PatientError, RecordingError
from ecg2lab.extras import require
from ecg2lab.patient import Patient
from ecg2lab.recording import Recording

_MILLIVOLT = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "v": 1e3}
_SEX = {"f": "female", "female": "female", "m": "male", "male": "male"}


def read_wfdb(header: Path) -> Recording:
    """Read the ECG leads of a WFDB record; channels of another kind are left out and named.

    Age and sex are taken from the comments `Age: …`, `Sex: …`, as in the PhysioNet challenges and the PTB database.

    Raises
    ------
    RecordingError
        If the record is damaged, or the unit of a lead is not known.
    """
    require("formats", "wfdb")
    record = _read(header)
    names = [lead_names.canonical(name or "") for name in record.sig_name or ()]
    rows = [row for row, name in enumerate(names) if name]
    if not rows:
        found = ", ".join(record.sig_name or ()) or "none"
        raise RecordingError(f"{header} has no ECG lead with a known name (channels: {found})")
    samples = np.stack([record.p_signal[:, row] * _scale(record, row, header) for row in rows])
    try:
        return Recording(
            samples,
            fs=record.fs,
            leads=[str(names[row]) for row in rows],
            unit="mV",
            source={"file": header.name},
            subject=_subject(record.comments or []),
            ignored=[record.sig_name[row] for row, name in enumerate(names) if not name],
        )
    except RecordingError as error:
        raise RecordingError(f"{header}: {error}") from None


def _read(header: Path) -> Any:
    import wfdb

    name = str(header.with_suffix(""))
    try:
        _refuse_foreign_files(wfdb.rdheader(name), header)
        return wfdb.rdrecord(name)
    except RecordingError:
        raise
    except FileNotFoundError as error:
        missing = Path(error.filename).name if error.filename else "a signal file"
        raise RecordingError(f"{header} names {missing}, which is not beside it") from None
    except Exception as error:  # the package raises whatever its parsing meets
        raise RecordingError(f"{header} is damaged or no WFDB header ({type(error).__name__} while reading)") from None


def _refuse_foreign_files(header: Any, path: Path) -> None:
    """A header names its signal files; only files beside it are opened."""
    named = [*(getattr(header, "file_name", None) or ()), *(getattr(header, "seg_name", None) or ())]
    for name in named:
        if name and (Path(name).name != name or "\\" in name or ":" in name):
            raise RecordingError(f"{path} names a signal file outside its own folder")


def _scale(record: Any, row: int, header: Path) -> float:
    unit = (record.units[row] or "").strip()
    try:
        return _MILLIVOLT[unit.casefold()]
    except KeyError:
        raise RecordingError(
            f"{header}: lead {record.sig_name[row]} is in unit {unit!r}, which is no voltage"
        ) from None


def _subject(comments: list[str]) -> Patient | None:
    """Age and sex, where they are stated plainly; anything else is taken as not stated."""
    text = "\n".join(comments)
    age = re.search(r"^\s*age\s*:\s*(\d{1,3}(?:\.\d+)?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    sex = re.search(r"^\s*sex\s*:\s*(\w+)\s*$", text, re.IGNORECASE | re.MULTILINE)
    known: dict[str, Any] = {}
    if age and float(age[1]) <= 120:
        known["age"] = float(age[1])
    if sex and sex[1].casefold() in _SEX:
        known["sex"] = _SEX[sex[1].casefold()]
    try:
        return Patient(**known) if known else None
    except PatientError:
        return None
