"""Reports that somebody asks for, drawn by one helper at a time."""

from __future__ import annotations

import threading

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept


class Drawing:
    """Draws one report after the other. Safe to share between threads."""

    def __init__(self, engine: EngineInfo, longest_s: float) -> None:
        self._engine, self._helper = engine, Helper(longest_s)
        self._turn = threading.Lock()

    def draw(self, form: str, kept: Kept) -> bytes:
        """The report on a recording, in a format of `ecg2lab.report.formats`."""
        with self._turn:
            return self._helper.draw(form, kept.said, kept.files, self._engine)

    def close(self) -> None:
        """End the helper."""
        self._helper.stop()
