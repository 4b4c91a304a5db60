"""A folder into which carts put files: each is taken once it is whole, and moved away once the node has it.

A file is whole when it has not changed for a while. A WFDB header waits for the files that it names, and they for it;
the facts of a patient in `NAME.facts.json` go with the recording of that name.
What was taken lies in `taken` below the folder, what is no file of a recording in `refused`. A node that ends between
the two takes the file again, and finds that it has it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable, Set
from contextlib import ExitStack
from pathlib import Path

from ecg2lab import log
from ecg2lab.edge.config import Folder
from ecg2lab.edge.facts.sidecar import is_sidecar, read_sidecar, sidecar_of
from ecg2lab.edge.node import Node
from ecg2lab.errors import Ecg2LabError, OutputError, OverloadError, RecordingError, StoreError
from ecg2lab.readers.grouping import groups
from ecg2lab.readers.limits import MOST_BYTES
from ecg2lab.system.file_lock import file_lock
from ecg2lab.system.files import sync_folder, write_atomically

TAKEN, REFUSED, LOCK = "taken", "refused", ".ecg2lab.lock"
_MOVES = ".ecg2lab-moves.json"
_LONELY_S = 3600.0


class Watcher(threading.Thread):
    """Watches one folder.

    Raises
    ------
    StoreError
        If it cannot be used, or another node watches it.
    """

    def __init__(self, told: Folder, base: Path, node: Node) -> None:
        super().__init__(name="ecg2lab-folder", daemon=True)
        self._told, self._node, self._folder = told, node, base / told.path
        self._ending, self._held = threading.Event(), ExitStack()
        self._seen: dict[str, tuple[tuple[int, int], float]] = {}
        """For each file its size and time of change, and since when they are so."""
        try:
            for folder in (self._folder, self._folder / TAKEN, self._folder / REFUSED):
                folder.mkdir(parents=True, exist_ok=True)
            self._held.enter_context(file_lock(self._folder / LOCK, self._refuse_another))
            self._finish_moves()
        except (OSError, OutputError) as error:
            raise StoreError(f"the folder {self._folder} cannot be watched: {error}") from None

    def _refuse_another(self) -> None:
        raise StoreError(f"another node watches the folder {self._folder}")

    def stop(self) -> None:
        """End after the file that is being taken."""
        self._ending.set()
        self.join()
        self._held.close()

    def run(self) -> None:
        """Until it is stopped."""
        while not self._ending.wait(self._told.every_s):
            try:
                self.look()
            except (OverloadError, StoreError, OSError) as error:  # the files stay where they are
                self._node.problems.count("folder", error)

    def look(self) -> None:
        """Take what is whole by now. A file that cannot be read or moved stays, and holds up no other."""
        settled = self._settled()
        facts = {name for name in self._seen if is_sidecar(name)}
        for names in groups(self._folder, settled - facts):
            sidecar = sidecar_of(names[0], facts)
            if not self._is_complete(sidecar, settled):
                continue
            facts.discard(sidecar or "")
            try:
                self._take(names, sidecar)
            except (OutputError, OSError) as error:
                self._node.problems.count("folder", error)
        self._put_aside(facts & settled)

    def _is_complete(self, sidecar: str | None, settled: Set[str]) -> bool:
        """Whether the facts that belong to a recording are there, and do not change any more."""
        return sidecar in settled if sidecar is not None else self._told.sidecar == "optional"

    def _put_aside(self, facts: Iterable[str]) -> None:
        """What has had no recording for an hour. One that came too late would else go with the next of that name."""
        now, names = time.monotonic(), [name for name in self._seen if not is_sidecar(name)]
        for sidecar in facts:
            awaited = any(sidecar_of(name, {sidecar}) for name in names)
            if not awaited and now - self._seen[sidecar][1] >= _LONELY_S:
                self._node.problems.count("folder", RecordingError("facts came, and their recording did not"))
                self._move([self._folder / sidecar], REFUSED)

    def _settled(self) -> set[str]:
        now, seen = time.monotonic(), {}
        for entry in os.scandir(self._folder):
            if not entry.is_file(follow_symlinks=False) or entry.name.startswith("."):
                continue
            status = entry.stat(follow_symlinks=False)
            state = (status.st_size, status.st_mtime_ns)
            before = self._seen.get(entry.name)
            seen[entry.name] = before if before is not None and before[0] == state else (state, now)
        self._seen = seen
        return {name for name, (_, since) in seen.items() if now - since >= self._told.settled_s}

    def _take(self, names: list[str], sidecar: str | None) -> None:
        paths = [self._folder / name for name in names]
        together = paths if sidecar is None else [*paths, self._folder / sidecar]
        try:
            if sum(path.stat().st_size for path in paths) > MOST_BYTES:
                raise OutputError(f"it is larger than {MOST_BYTES >> 20} MiB")
            files = {path.name: path.read_bytes() for path in paths}
            facts = {} if sidecar is None else read_sidecar(self._folder / sidecar)
            self._node.accept(files, facts, origin="folder", sender="folder")
        except (OverloadError, StoreError):
            raise
        except Ecg2LabError as error:
            log.refused(error)
            self._move(together, REFUSED)
        except FileNotFoundError:  # somebody took it away
            return
        else:
            self._move(together, TAKEN)

    def _move(self, paths: Iterable[Path], place: str) -> None:
        """All of them, also if the node ends in between: what was begun is written down."""
        moves = {path.name: f"{place}/{self._free_name(path, place)}" for path in paths}
        write_atomically(self._folder / _MOVES, json.dumps(moves))
        sync_folder(self._folder)
        self._finish_moves()

    def _free_name(self, path: Path, place: str) -> str:
        target, number = self._folder / place / path.name, 1
        while target.exists():
            number += 1
            target = target.with_name(f"{path.stem}-{number}{path.suffix}")
        return target.name

    def _finish_moves(self) -> None:
        """What a node that ended had begun, too. Where the target is there, a file of that name is a new one."""
        try:
            moves = json.loads((self._folder / _MOVES).read_bytes())
        except FileNotFoundError:
            return
        for name, to in moves.items():
            if not (self._folder / to).exists() and (self._folder / name).exists():
                (self._folder / name).replace(self._folder / to)
        for folder in (*{(self._folder / to).parent for to in moves.values()}, self._folder):
            sync_folder(folder)
        (self._folder / _MOVES).unlink()
