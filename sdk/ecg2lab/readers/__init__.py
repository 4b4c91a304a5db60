"""Recordings from files."""

from __future__ import annotations

from pathlib import Path

from ecg2lab.errors import RecordingError
from ecg2lab.readers.wfdb import read_wfdb
from ecg2lab.recording import Recording

_WFDB_SUFFIXES = (".hea", ".dat", ".mat")


def read(path: str | Path) -> Recording:
    """Read an ECG file.

    Parameters
    ----------
    path
        A WFDB record: its header `X.hea`, a signal file beside it, or the name without suffix.

    Raises
    ------
    RecordingError
        If there is no such file, its format is not known, or it cannot be understood.
    MissingExtraError
        If the reader's package is not installed.
    """
    try:
        return _read(Path(path))
    except OSError as error:
        raise RecordingError(f"cannot read {path}: {error.strerror}") from None
    except RecordingError:
        raise
    except ValueError:  # a path with a null byte
        raise RecordingError(f"{str(path)!r} is no path") from None


def _read(path: Path) -> Recording:
    if path.is_dir():
        raise RecordingError(f"{path} is a folder; name a record in it")
    header = path.with_suffix(".hea") if path.suffix in _WFDB_SUFFIXES else path.with_name(path.name + ".hea")
    if header.is_file():
        return read_wfdb(header)
    if path.suffix in _WFDB_SUFFIXES and path.is_file():
        raise RecordingError(f"{path} has no header {header.name} beside it")
    if path.is_file():
        raise RecordingError(f"{path} is in no format that can be read here; WFDB (.hea with its signal files) can")
    raise RecordingError(f"there is no recording at {path}")
