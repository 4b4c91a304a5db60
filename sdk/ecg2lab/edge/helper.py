"""A process beside the node that reads strangers' files and draws reports: what it crashes, holds or leaks is its own.

Each worker has one. A helper that dies, or takes too long, is replaced; what it did then is refused.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.edge import helper_process
from ecg2lab.errors import RecordingError, StoreError
from ecg2lab.recording import Recording
from ecg2lab.report.document import Refusal

_SHARED = 4 << 20
"""Bytes: samples of most recordings; longer ones come through the pipe, in many parts."""


class Named(NamedTuple):
    """A file of a recording: what it is called where it came from, and where it lies."""

    name: str
    path: Path


class Helper:
    """Starts its process when it is asked for first. Of one thread at a time.

    Parameters
    ----------
    longest_s
        How long one piece of work may take.
    folder
        Within which files lie while they are read.
    """

    def __init__(self, longest_s: float, folder: Path) -> None:
        self._longest_s, self._parent = longest_s, folder
        self._process: Any = None
        self._line: Connection | None = None
        self._folder: Path | None = None
        self._shared: SharedMemory | None = None
        self._begun = False

    def start(self) -> None:
        """Start the process now.

        Raises
        ------
        StoreError
            If this machine has no place or memory for it now.
        """
        context = multiprocessing.get_context("spawn")
        try:
            self._folder = Path(tempfile.mkdtemp(dir=self._parent))
        except OSError as error:
            raise StoreError(f"files cannot be laid out to be read: {error.strerror}") from None
        with suppress(OSError):  # without it everything comes through the pipe
            self._shared = SharedMemory(create=True, size=_SHARED)
        self._line, theirs = context.Pipe()
        told = (theirs, os.getpid(), self._folder, self._shared and self._shared.name)
        process = context.Process(target=helper_process.work, args=told, name="ecg2lab-helper", daemon=True)
        try:
            process.start()
        except OSError as error:
            self.stop()
            raise StoreError(f"no process can be started that reads it: {error.strerror}") from None
        self._process = process
        theirs.close()

    def begin(self, files: Sequence[Named] | Mapping[str, bytes]) -> None:
        """Have a recording read: files that are kept, or that came just now. `recording` waits for it.

        Raises
        ------
        StoreError
            If this machine has no place for it now.
        """
        self.abandon()
        with suppress(RecordingError), self._watched() as line:  # `recording` says so
            line.send(("read", self._lay(files)))
        self._begun = True

    def recording(self) -> Recording:
        """What was begun, as `ecg2lab.read` gives it.

        Raises
        ------
        RecordingError
            As `ecg2lab.read`; and if the reader died of the file, or took too long.
        """
        self._begun = False
        with self._watched(anew=False) as line:
            about = self._answered(line)
            samples = np.empty(about.pop("shape"))
            if about.pop("by_memory"):
                assert self._shared is not None
                samples[:] = np.ndarray(samples.shape, buffer=self._shared.buf)
            else:
                line.recv_bytes_into(samples.reshape(-1).view(np.uint8).data)
        return Recording.adopt(samples, **about)

    def abandon(self) -> None:
        """What was begun is not wanted."""
        if self._begun:
            with suppress(Exception):
                self.recording()

    def draw(self, form: str, said: Prediction | Refusal, files: Sequence[Named], engine: EngineInfo) -> bytes:
        """The report on an answer or refusal, as `ecg2lab predict --format` writes it.

        Raises
        ------
        Ecg2LabError
            If it cannot be drawn.
        """
        self.abandon()
        with self._watched() as line:
            line.send(("draw", form, said, self._lay(files), engine))
            content: bytes = self._answered(line)
        return content

    def call(self, function: Callable[..., bytes], *given: Any) -> bytes:
        """What a function of a module makes of what it is given, there.

        Raises
        ------
        Ecg2LabError
            As the function.
        """
        self.abandon()
        with self._watched() as line:
            line.send(("call", function, *given))
            made: bytes = self._answered(line)
        return made

    def _lay(self, files: Sequence[Named] | Mapping[str, bytes]) -> list[str]:
        """Files of one record lie beside each other under their own names while they are read."""
        assert self._folder is not None
        try:
            for old in self._folder.iterdir():
                old.unlink()
            if isinstance(files, Mapping):
                for name, content in files.items():
                    (self._folder / name).write_bytes(content)
                return list(files)
            for file in files:
                (self._folder / file.name).symlink_to(file.path)
        except OSError as error:
            raise StoreError(f"files cannot be laid out to be read: {error.strerror}") from None
        return [file.name for file in files]

    @contextmanager
    def _watched(self, anew: bool = True) -> Iterator[Connection]:
        """The line to a process that lives. One that dies meanwhile is a reason to refuse."""
        if anew and (self._line is None or not self._process.is_alive()):
            self.stop()
            self.start()
        try:
            if self._line is None:
                raise EOFError
            yield self._line
        except (OSError, EOFError):
            self.stop()
            raise RecordingError(
                "the program that reads recordings ended over it; keep the file and report it"
            ) from None

    def _answered(self, line: Connection) -> Any:
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
        if self._shared is not None:
            self._shared.close()
            self._shared.unlink()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._line = self._process = self._shared = self._folder = None
