"""Samples that an XML file writes as whole numbers between commas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError

_MOST = 2**31
"""No converter has wider samples."""


def comma_counts(text: str | None, announced: int, what: str) -> NDArray[np.int32]:
    """The samples; blanks and a comma behind the last do not count.

    Raises
    ------
    RecordingError
        Naming `what` has something else between its commas, or other than as many samples as are announced.
    """
    written = (text or "").strip().removesuffix(",")
    # Counted before they are read: NumPy up to 2.2 only warns of what it cannot read, and stops there.
    samples = written.count(",") + 1 if written else 0
    if samples != announced:
        raise RecordingError(f"{what} has {samples} samples and announces {announced}: it is damaged or cut short")
    try:
        counts = np.fromstring(written, dtype=np.int64, sep=",")
    except (ValueError, DeprecationWarning):
        counts = np.empty(0, np.int64)
    if len(counts) != announced or not (np.abs(counts) < _MOST).all():
        raise RecordingError(f"the samples of {what} are no whole numbers between commas")
    return counts.astype(np.int32)
