"""Reports that somebody asks for, drawn by one helper at a time."""

from __future__ import annotations

import threading
from pathlib import Path

from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.edge.fhir_message import collection
from ecg2lab.edge.helper import Helper
from ecg2lab.edge.ledger import Kept
from ecg2lab.report.fhir import encode


def report(form: str, kept: Kept, engine: EngineInfo, helper: Helper) -> bytes:
    """The report on a recording, in a format of `ecg2lab.report.formats`; FHIR has the same names wherever it goes.

    Raises
    ------
    Ecg2LabError
        If it cannot be drawn.
    """
    if form == "fhir":
        return encode(collection(kept, engine)) + b"\n"
    return helper.draw(form, kept.said, kept.files, engine)


class Drawing:
    """Draws one report after the other. Safe to share between threads."""

    def __init__(self, engine: EngineInfo, longest_s: float, folder: Path) -> None:
        self._engine, self._helper = engine, Helper(longest_s, folder)
        self._turn = threading.Lock()

    def draw(self, form: str, kept: Kept) -> bytes:
        """The report on a recording, in a format of `ecg2lab.report.formats`."""
        with self._turn:
            return report(form, kept, self._engine, self._helper)

    def close(self) -> None:
        """End the helper."""
        self._helper.stop()
