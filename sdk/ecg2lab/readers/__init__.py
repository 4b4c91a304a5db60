"""Reading recordings from files."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ecg2lab.errors import RecordingError
from ecg2lab.readers.content import Content, Stated
from ecg2lab.readers.formats import FORMATS, WFDB_SUFFIXES, recognise
from ecg2lab.readers.units import printable

if TYPE_CHECKING:
    from ecg2lab.recording import Recording, Unit


def read(
    path: str | Path,
    *,
    format: str | None = None,
    fs: float | None = None,
    unit: Unit | None = None,
    gain: float | None = None,
    baseline: float | None = None,
) -> Recording:
    """Read an ECG file.

    The format is recognised by content (`ecg2lab.readers.formats.FORMATS`); a WFDB record is recognised by its header
    file. `docs/recordings.md` says what is read from each format.

    Parameters
    ----------
    path
        A file; for a WFDB record its header `X.hea`, a signal file beside it, or the name without suffix.
    format
        The format: "wfdb" or a name of `ecg2lab.readers.formats.FORMATS`. None: recognise it.
    fs, unit, gain, baseline
        As for `Recording`, for a CSV file that does not state them itself. Refused if the file states another value,
        and for all other formats, which state their own.

    Returns
    -------
    Recording
        In millivolt, with what the file says about the patient (`subject`) and its origin (`source`).

    Raises
    ------
    RecordingError
        If there is no such file, its format is unknown, or its content is invalid.
    MissingExtraError
        If the reader's package is not installed.
    """
    if not isinstance(path, str | PathLike):
        raise RecordingError(f"read wants the path of a file, not {type(path).__name__}")
    if "\0" in str(path):
        raise RecordingError(f"{str(path)!r} is no path")
    try:
        return _read(Path(path), format, Stated(fs, unit, gain, baseline))
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from None


def _read(path: Path, form: str | None, stated: Stated) -> Recording:
    if form is not None and not (isinstance(form, str) and form in ("wfdb", *FORMATS)):
        raise RecordingError(f"unknown format {printable(repr(form))}; one of wfdb, {', '.join(FORMATS)}")
    if path.is_dir():
        raise RecordingError(f"{path} is a folder; name a record in it")
    header = _wfdb_header(path)
    if form == "wfdb" or (form is None and header.is_file() and (path.suffix in WFDB_SUFFIXES or not path.exists())):
        if not header.is_file():
            raise RecordingError(f"{path} has no header {header.name} beside it")
        _refuse_statements(path, stated)
        from ecg2lab.readers.wfdb import read_wfdb

        return read_wfdb(header)
    if not path.exists():
        raise RecordingError(f"there is no recording at {path}")
    try:
        return _read_content(path, Content.of(path, stated), form)
    except RecordingError as error:
        text = str(error)
        raise RecordingError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def _wfdb_header(path: Path) -> Path:
    return path.with_suffix(".hea") if path.suffix in WFDB_SUFFIXES else path.with_name(path.name + ".hea")


def _read_content(path: Path, content: Content, form: str | None) -> Recording:
    name = form or recognise(content)
    if name != "csv":
        _refuse_statements(path, content.stated)
    try:
        return FORMATS[name].read(content)
    except RecordingError as error:
        if FORMATS[name].matches(content):
            raise
        hint = f"it does not begin as {name} does: leave format out, and its content decides"
        raise RecordingError(f"{error}; {hint}") from None


def _refuse_statements(path: Path, stated: Stated) -> None:
    said = [name for name, value in stated._asdict().items() if value is not None]
    if said:
        raise RecordingError(f"{path} is no CSV file and states {said[0]} itself; leave it out")
