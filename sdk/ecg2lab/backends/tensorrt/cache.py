"""Built engines of this user on this machine.

A plan is a program: whoever can exchange it runs code of his own in our process. Therefore plans are read from one
folder only, each file must belong to this user (or to root) and be writable by nobody else, and its SHA-256 must be the
one that the record beside it states. Only `ecg2lab build` writes plans there; a bundle never holds one.

A plan runs only where it was built for: the record holds everything that decides it, and what does not fit is named.

    $ECG2LAB_CACHE or $XDG_CACHE_HOME/ecg2lab or ~/.cache/ecg2lab
      engines/<model>/<key>.<SHA-256>.plan      the engine
      engines/<model>/<key>.<SHA-256>.kernels   what TensorRT for RTX finished on this GPU, to start faster
      engines/<model>/<key>.json                the record of one of them, written last: a reader meets the old engine
                                                or the new one, never a mixture
      engines/<model>/<key>.lock                held while it is built
      timing/<package>-<version>-<gpu>.bin
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

import msgspec

from ecg2lab.backends.tensorrt.record import EngineKey, EngineRecord
from ecg2lab.bundle import Digest
from ecg2lab.errors import BackendError, OutputError
from ecg2lab.system.file_lock import file_lock
from ecg2lab.system.files import write_atomically

ENVIRONMENT = "ECG2LAB_CACHE"
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LARGEST_PLAN = 2**32
_HINT = "run `ecg2lab build`"


class StoredEngine(NamedTuple):
    """A record and where its plan is."""

    record: EngineRecord
    path: Path


def cache_folder() -> Path:
    """Where engines are kept; environment variables that name no absolute path are an error or, for XDG's, void.

    Raises
    ------
    OutputError
        If `ECG2LAB_CACHE` is relative, or there is no home.
    """
    chosen = os.environ.get(ENVIRONMENT)
    if chosen:
        if not os.path.isabs(chosen):
            raise OutputError(f"{ENVIRONMENT}={chosen} must be an absolute path")
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or ""
    if os.path.isabs(base):  # the XDG specification: a relative path is to be ignored
        return Path(base) / "ecg2lab"
    try:
        return Path.home() / ".cache" / "ecg2lab"
    except RuntimeError:
        raise OutputError(f"there is no home folder to keep engines in; set {ENVIRONMENT} to a folder") from None


class EngineCache:
    """The engines of one user; see the module's text."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = cache_folder() if folder is None else folder

    def lock(self, key: EngineKey, waiting: Callable[[], None]) -> AbstractContextManager[None]:
        """Keep other processes from building the same engine; `waiting` is called if one does already.

        Raises
        ------
        OutputError
            If the cache cannot be written: before minutes of building, not after.
        """
        path = self._path(key, "lock")
        self._make_folder(path.parent)
        return file_lock(path, waiting)

    def store(self, record: EngineRecord, plan: bytes) -> StoredEngine:
        """Write a plan, then its record; then remove what the record named before.

        Raises
        ------
        OutputError
            If it cannot be written, the disk being full among the reasons.
        """
        described = self._path(record.key, "json")
        path = _plan_of(record, described)
        self._make_folder(path.parent)
        write_atomically(path, plan, mode=0o600)
        encoded = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
        write_atomically(described, encoded, mode=0o600)
        for old in (*path.parent.glob(f"{described.stem}.*.plan"), *path.parent.glob(f"{described.stem}.*.kernels")):
            if old.stem != path.stem:
                old.unlink(missing_ok=True)
        return StoredEngine(record, path)

    def exact(self, key: EngineKey) -> StoredEngine | None:
        """The engine of just this key, if it is there and whole."""
        try:
            stored = self._read(self._path(key, "json"))
            self.load(stored)
        except (BackendError, FileNotFoundError):
            return None
        return stored if stored.record.key == key else None

    def find(self, keys: list[EngineKey], what: str) -> StoredEngine:
        """The engine that fits one of the keys, whatever its batch; of several the one for the largest batch.

        The keys are those that would do here, the best first; messages call the bundle `what`.

        Raises
        ------
        BackendError
            If there is none, saying what differs from those that there are.
        """
        folder = self._path(keys[0], "json").parent
        stored, refused = self._read_all(folder)
        for key in keys:
            fitting = [s for s in stored if s.record.key.fits(key)]
            if fitting:
                return max(fitting, key=lambda s: s.record.key.batch.most)
        if refused:
            raise refused[0]
        if not stored:
            raise BackendError(f"no engine has been built for {what} here: {_HINT}")
        differences = min((s.record.key.differences(key) for s in stored for key in keys), key=len)
        raise BackendError(f"the engine for {what} was built for {'; '.join(differences)}: {_HINT}")

    def load(self, stored: StoredEngine) -> bytes:
        """The plan, checked byte for byte.

        Raises
        ------
        BackendError
            If it is missing, is not what its record says, or might have been written by another user.
        """
        try:
            plan = _read_own(stored.path)
        except FileNotFoundError:
            raise BackendError(f"the engine {stored.path} is missing: {_HINT}") from None
        if Digest.of(plan) != stored.record.plan:
            raise BackendError(f"the engine {stored.path} is damaged or was cut short: {_HINT} --rebuild")
        return plan

    def read_kernels(self, stored: StoredEngine) -> bytes:
        """What an earlier run of the engine finished on this GPU; empty if nothing is there or it cannot be trusted."""
        return _read_own_or_nothing(stored.path.with_suffix(".kernels"))

    def write_kernels(self, stored: StoredEngine, content: bytes) -> None:
        """Keep them for the next run."""
        write_atomically(stored.path.with_suffix(".kernels"), content, mode=0o600)

    def read_timing(self, name: str) -> bytes:
        """Measured times of an earlier build with the same package on the same GPU; empty if there are none."""
        return _read_own_or_nothing(self._timing_path(name))

    def write_timing(self, name: str, content: bytes) -> None:
        """Keep measured times for the next build."""
        path = self._timing_path(name)
        self._make_folder(path.parent)
        write_atomically(path, content, mode=0o600)

    def _path(self, key: EngineKey, suffix: str) -> Path:
        return self.folder / "engines" / key.model[:32] / f"{key.digest}.{suffix}"

    def _timing_path(self, name: str) -> Path:
        return self.folder / "timing" / (re.sub(r"[^A-Za-z0-9.]+", "-", name) + ".bin")

    def _make_folder(self, folder: Path) -> None:
        """Each level of the cache that is missing, for this user alone."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            inner = [level for level in reversed(folder.parents) if level.is_relative_to(self.folder)]
            for level in (*inner, folder):
                level.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"cannot write the engine cache {folder}: {error.strerror}; {ENVIRONMENT} names another folder"
            ) from None

    def _read_all(self, folder: Path) -> tuple[list[StoredEngine], list[BackendError]]:
        """Records of one model, and why others are none; a bad one does not stand in the way of a good one."""
        stored, refused = [], []
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            try:
                stored.append(self._read(path))
            except BackendError as error:
                refused.append(error)
        return stored, refused

    def _read(self, path: Path) -> StoredEngine:
        try:
            record = msgspec.json.decode(_read_own(path), type=EngineRecord)
        except (msgspec.DecodeError, ValueError):
            raise BackendError(f"{path} is no record of an engine: {_HINT} --rebuild") from None
        return StoredEngine(record, _plan_of(record, path))


def _plan_of(record: EngineRecord, described: Path) -> Path:
    """Beside its record."""
    return described.with_name(f"{described.stem}.{record.plan.sha256[:16]}.plan")


def _read_own(path: Path) -> bytes:
    """Content of a file that nobody but this user and root could have written.

    Raises
    ------
    FileNotFoundError
        If it is not there.
    BackendError
        If it cannot be read or trusted.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            for part, status in ((path, os.fstat(descriptor)), (path.parent, path.parent.stat())):
                _refuse_foreign(part, status)
            return file.read(_LARGEST_PLAN)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BackendError(f"cannot read {path}: {error.strerror}") from None


def _read_own_or_nothing(path: Path) -> bytes:
    """`_read_own` for what only saves time."""
    try:
        return _read_own(path)
    except (BackendError, FileNotFoundError):
        return b""


def _refuse_foreign(path: Path, status: os.stat_result) -> None:
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise BackendError(f"{path} is no regular file, and an engine is a program: remove it and {_HINT}")
    if not hasattr(os, "geteuid"):
        return
    if status.st_uid not in (os.geteuid(), 0):
        raise BackendError(f"{path} belongs to another user, and an engine is a program: remove it and {_HINT}")
    if status.st_mode & _OTHERS_MAY_WRITE:
        raise BackendError(f"{path} can be written by others, and an engine is a program: remove it and {_HINT}")
