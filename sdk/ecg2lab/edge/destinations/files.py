"""Files in a folder, each whole or not there, under the recording's name."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.edge.config import FilesDestination
from ecg2lab.edge.destinations import Outcome
from ecg2lab.edge.drawing import report
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept
from ecg2lab.errors import OutputError
from ecg2lab.report.formats import FORMATS
from ecg2lab.system.files import make_folder, sync_folder, write_atomically


class FilesChannel:
    """A folder."""

    def __init__(self, told: FilesDestination, base: Path) -> None:
        self._told, self._folder = told, base / told.folder

    def write(self, kept: Kept, engine: EngineInfo, helper: Helper) -> bytes:
        """All forms of the report, by their suffixes."""
        return msgspec.msgpack.encode(
            {FORMATS[form].suffix: report(form, kept, engine, helper) for form in self._told.formats}
        )

    def send(self, kept: Kept, message: bytes) -> Outcome:
        """Write them."""
        try:
            make_folder(self._folder)
            for suffix, content in msgspec.msgpack.decode(message, type=dict[str, bytes]).items():
                write_atomically(self._folder / f"{kept.id}{suffix}", content)
            sync_folder(self._folder)
        except (OutputError, OSError) as error:
            return Outcome("again", str(error))
        return Outcome("acknowledged")

    def close(self) -> None:
        """Nothing is open."""
