"""One batch in one process: each recording read and answered as `ecg2lab predict` does."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ecg2lab.answer.prediction import ErrorNote
from ecg2lab.archive import rows
from ecg2lab.archive.listing import Listed
from ecg2lab.archive.plan import Batch
from ecg2lab.engine import Engine
from ecg2lab.errors import BackendError, Ecg2LabError, RecordingError
from ecg2lab.patient import OutOfRange, Patient
from ecg2lab.readers.limits import MOST_BYTES
from ecg2lab.system.names import shown

_BLOCK = 1 << 20


class Settings(NamedTuple):
    """What a user chooses."""

    computing: dict[str, Any]
    """How an engine is loaded, as `ecg2lab.load` names it."""
    out_of_range: OutOfRange
    read_s: float
    """How long reading one recording may take."""


class Task(NamedTuple):
    """What a process needs to know before the first batch."""

    bundle: bytes
    source: str
    """What the bundle is called."""
    root: str
    """Where paths begin."""
    is_folder: bool
    """Whether the archive is that folder, which the process must then find."""
    settings: Settings


def load(task: Task) -> Engine:
    """The engine of a process.

    Raises
    ------
    Ecg2LabError
        As `ecg2lab.load`; and if this machine has no such archive.
    """
    from ecg2lab.bundle import Bundle
    from ecg2lab.loading import load as load_engine

    if task.is_folder and not os.path.isdir(task.root):
        raise RecordingError(f"a worker finds no folder {shown(task.root)}: it must be there on each machine")
    bundle = Bundle.from_bytes(task.bundle, task.source)
    return load_engine(bundle, **task.settings.computing, out_of_range=task.settings.out_of_range)


def score(engine: Engine, root: str, batch: Batch, tell: Callable[[str, int], None]) -> Iterator[rows.Row]:
    """A row for each recording.

    Raises
    ------
    BackendError
        If nothing can be computed any more.

    Parameters
    ----------
    tell
        Called with `reading` or `answering` and the recording's index, before either begins.
    """
    for index, listed in enumerate(batch):
        tell("reading", index)
        yield _named(listed) | _scored(engine, root, listed, partial(tell, "answering", index))


def refused(listed: Listed, message: str) -> rows.Row:
    """The row of a recording that ended or held up its reader."""
    error = ErrorNote(type=RecordingError.__name__, message=message)
    return _named(listed) | rows.refusal(error)


def _scored(engine: Engine, root: str, listed: Listed, tell: Callable[[], None]) -> rows.Row:
    from ecg2lab.readers import read

    if listed.refusal is not None:
        return rows.refusal(ErrorNote(type=RecordingError.__name__, message=listed.refusal))
    row: rows.Row = {"sha256": _digest(root, listed)}
    try:
        patient = Patient(**listed.facts)  # type: ignore[arg-type]
        recording = read(os.path.join(root, os.fsdecode(listed.path)))
        tell()
        return row | rows.answer(engine.predict(recording, patient))
    except BackendError:  # of no recording: a lost GPU
        raise
    except Ecg2LabError as error:
        note = ErrorNote(type=type(error).__name__, message=_below(root, str(error)))
        return row | rows.refusal(note, getattr(error, "quality", None))
    except Exception as error:  # its text may hold data of a patient
        note = ErrorNote(type="InternalError", message=f"{type(error).__name__} in ecg2lab; please report it")
        return row | rows.refusal(note, state=rows.FAILED)


def _below(root: str, message: str) -> str:
    """A refusal as it reads where the archive is the current folder."""
    inside = shown(os.path.join(root, ""))
    return message if inside == os.sep else message.replace(inside, "")


def _named(listed: Listed) -> rows.Row:
    name = shown(os.fsdecode(listed.path))
    return {"path": name, "path_bytes": None if name.encode() == listed.path else listed.path}


def _digest(root: str, listed: Listed) -> str | None:
    """SHA-256 of a file; of several, of their digests in order, a line each. None: one is no file, or too large."""
    if any(not 0 <= file.size <= MOST_BYTES for file in listed.files):
        return None
    try:
        digests = sorted(_file_digest(Path(root, os.fsdecode(file.path))) for file in listed.files)
    except OSError:
        return None
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{each}\n" for each in digests).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
