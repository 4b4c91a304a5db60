"""A process beside the node that reads strangers' files and draws reports: what it crashes, holds or leaks is its own.

Each worker has one. A helper that dies, or takes too long, is replaced; what it did then is refused.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.edge.grouping import groups
from ecg2lab.errors import Ecg2LabError, RecordingError
from ecg2lab.recording import Recording
from ecg2lab.report.document import Refusal


class Named(NamedTuple):
    """A file of a recording: what it is called where it came from, and where it lies."""

    name: str
    path: Path


class HelperError(Exception):
    """A fault of ours, not of the file."""


class Helper:
    """Starts its process when it is asked for first. Of one thread at a time.

    Parameters
    ----------
    longest_s
        How long one piece of work may take.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._process: Any = None
        self._line: Connection | None = None

    def start(self) -> None:
        """Start the process now."""
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, os.getpid()), name="ecg2lab-helper", daemon=True)
        self._process.start()
        theirs.close()

    def read(self, files: Sequence[Named]) -> Recording:
        """Read a recording, as `ecg2lab.read` does.

        Raises
        ------
        RecordingError
            As `ecg2lab.read`; and if the reader died of the file, or took too long.
        """
        with self._watched() as line:
            about = self._ask(line, "read", files)
            samples = np.empty(about.pop("shape"))
            line.recv_bytes_into(samples.reshape(-1).view(np.uint8).data)
        return Recording.adopt(samples, **about)

    def draw(self, form: str, said: Prediction | Refusal, files: Sequence[Named], engine: EngineInfo) -> bytes:
        """The report on an answer or refusal, as `ecg2lab predict --format` writes it.

        Raises
        ------
        Ecg2LabError
            If it cannot be drawn.
        """
        with self._watched() as line:
            content: bytes = self._ask(line, "draw", form, said, files, engine)
        return content

    @contextmanager
    def _watched(self) -> Iterator[Connection]:
        """The line to a process that lives. One that dies meanwhile is a reason to refuse."""
        if self._line is None or not self._process.is_alive():
            self.stop()
            self.start()
        assert self._line is not None
        try:
            yield self._line
        except (OSError, EOFError):
            self.stop()
            raise RecordingError(
                "the program that reads recordings ended over it; keep the file and report it"
            ) from None

    def _ask(self, line: Connection, *question: Any) -> Any:
        line.send(question)
        if not line.poll(self._longest_s):
            self.stop()
            raise RecordingError(f"it could not be read within {self._longest_s:g} s")
        answer = line.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._line = self._process = None


def _work(line: Connection, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the node ends it
    while os.getppid() == parent:
        try:
            kind, *question = line.recv()
        except (EOFError, OSError):
            return
        try:
            if kind == "read":
                _send(line, _read(*question))
            else:
                line.send(_draw(*question))
        except Ecg2LabError as error:
            line.send(error)
        except Exception as error:
            line.send(HelperError(f"{type(error).__name__} in ecg2lab"))


def _send(line: Connection, recording: Recording) -> None:
    line.send(
        {
            "shape": recording.samples.shape,
            "fs": recording.fs,
            "leads": recording.leads,
            "source": recording.source,
            "subject": recording.subject,
            "ignored": recording.ignored,
            "notes": recording.notes,
        }
    )
    line.send_bytes(recording.samples.reshape(-1).view(np.uint8).data)


def _read(files: Sequence[Named]) -> Recording:
    """Files of one record lie beside each other under their own names while they are read."""
    from ecg2lab import readers

    with tempfile.TemporaryDirectory(prefix="ecg2lab-") as folder:
        paths = [Path(folder) / file.name for file in files]
        for path, file in zip(paths, files, strict=True):
            path.symlink_to(file.path)
        try:
            return readers.read(_main(Path(folder), paths))
        except RecordingError as error:  # of files as their sender calls them
            raise RecordingError(str(error).replace(f"{folder}{os.sep}", "")) from None


def _main(folder: Path, paths: Sequence[Path]) -> Path:
    """The file by which they are read."""
    if len(paths) == 1:
        return paths[0]
    found = groups(folder, {path.name for path in paths})
    if len(found) == 1:
        return folder / found[0][0]
    raise RecordingError(
        f"{len(paths)} files came, which are {len(found)} recordings: send a single file, or a WFDB header (.hea) with "
        "all files that it names"
    )


def _draw(form: str, said: Prediction | Refusal, files: Sequence[Named], engine: EngineInfo) -> bytes:
    from ecg2lab.report.formats import FORMATS

    recording, title = None, files[0].name
    with suppress(RecordingError):
        recording = _read(files)
    if isinstance(said, Prediction) and recording is not None:
        return FORMATS[form].answer(said, recording, title)
    write = FORMATS[form].refusal
    assert isinstance(said, Refusal)
    assert write is not None
    return write(said, recording, engine, title, recording.source if recording else None)
