"""Samples that an XML file writes as comma-separated numbers."""

from __future__ import annotations

from ecg2lab._native import _core
from ecg2lab.errors import RecordingError
from ecg2lab.readers.deferred import Deferred
from ecg2lab.readers.limits import MOST_VALUES


def comma_counts(text: str | None, announced: int, what: str) -> Deferred:
    """The samples; blanks and a trailing comma are ignored.

    Raises
    ------
    RecordingError
        If it has something else than numbers, or not as many samples as announced; the message names `what`.
    """
    written = text or ""
    counted = _core.count_words(written, ",")
    if counted != announced:
        raise RecordingError(
            f"{what} has {counted} samples and announces {announced}: one of the two is wrong; export it again"
        )
    return Deferred(counted, lambda: _core.parse_numbers(written, ",", MOST_VALUES, f"the samples of {what}"))
