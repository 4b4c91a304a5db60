"""What runs in the process of a helper."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.errors import Ecg2LabError, RecordingError
from ecg2lab.readers.grouping import groups
from ecg2lab.recording import Recording
from ecg2lab.report.document import Refusal


class HelperError(Exception):
    """A fault of ours, not of the file."""


def work(line: Connection, parent: int, folder: Path, shared: str | None) -> None:
    """Do what comes down the line until it ends, or the node does.

    Parameters
    ----------
    line
        Brings what to do, takes what came of it.
    parent
        The node's process.
    folder
        Where the files lie that are read.
    shared
        Name of the memory into which samples go; None: they go down the line.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the node ends it
    with ExitStack() as held:
        memory = None if shared is None else SharedMemory(shared)
        if memory is not None:
            held.callback(memory.close)
        while os.getppid() == parent:
            try:
                kind, *question = line.recv()
            except (EOFError, OSError):
                return
            try:
                if kind == "read":
                    _send(line, memory, _read(folder, *question))
                elif kind == "call":
                    line.send(question[0](*question[1:]))
                else:
                    line.send(_draw(folder, *question))
            except Ecg2LabError as error:
                line.send(error)
            except Exception as error:
                line.send(HelperError(f"{type(error).__name__} in ecg2lab"))


def _send(line: Connection, memory: SharedMemory | None, recording: Recording) -> None:
    samples = recording.samples
    by_memory = memory is not None and samples.nbytes <= memory.size
    if by_memory:
        assert memory is not None
        np.ndarray(samples.shape, buffer=memory.buf)[:] = samples
    line.send(
        {
            "shape": samples.shape,
            "by_memory": by_memory,
            "fs": recording.fs,
            "leads": recording.leads,
            "source": recording.source,
            "subject": recording.subject,
            "ignored": recording.ignored,
            "notes": recording.notes,
        }
    )
    if not by_memory:
        line.send_bytes(samples.reshape(-1).view(np.uint8).data)


def _read(folder: Path, names: Sequence[str]) -> Recording:
    from ecg2lab import readers

    try:
        return readers.read(folder / _main(folder, names))
    except RecordingError as error:  # of files as their sender calls them
        raise RecordingError(str(error).replace(f"{folder}{os.sep}", "")) from None


def _main(folder: Path, names: Sequence[str]) -> str:
    """The file by which they are read."""
    if len(names) == 1:
        return names[0]
    found = groups(folder, set(names))
    if len(found) == 1:
        return found[0][0]
    raise RecordingError(
        f"{len(names)} files came, which are {len(found)} recordings: send a single file, or a WFDB header (.hea) with "
        "all files that it names"
    )


def _draw(folder: Path, form: str, said: Prediction | Refusal, names: Sequence[str], engine: EngineInfo) -> bytes:
    from ecg2lab.report.formats import FORMATS

    recording, title = None, names[0]
    with suppress(RecordingError):
        recording = _read(folder, names)
    if isinstance(said, Prediction) and recording is not None:
        return FORMATS[form].answer(said, recording, title)
    write = FORMATS[form].refusal
    assert isinstance(said, Refusal)
    assert write is not None
    return write(said, recording, engine, title, recording.source if recording else None)
