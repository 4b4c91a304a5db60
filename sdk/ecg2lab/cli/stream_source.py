"""Where the verb `stream` has its samples from: a record that is replayed, or raw samples on standard input."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ecg2lab.errors import RecordingError
from ecg2lab.recording import Recording

CHUNK_S = 0.25
"""Of a replay, and of raw samples that lie ready."""


def replay(recording: Recording, speed: float) -> Iterator[NDArray[np.float64]]:
    """Parts of a recording, each when its last sample would have been taken.

    Parameters
    ----------
    recording
        Whole.
    speed
        Seconds of signal in a second; infinity: as fast as the answers are.
    """
    chunk, start = max(1, round(CHUNK_S * recording.fs)), time.monotonic()
    for at in range(0, recording.samples.shape[1], chunk):
        part = recording.samples[:, at : at + chunk]
        due = start + (at + part.shape[1]) / recording.fs / speed
        time.sleep(max(0.0, due - time.monotonic()))
        yield part


def raw(source: int, sample_type: str, leads: int, fs: float) -> Iterator[NDArray[np.generic]]:
    """Little-endian samples as they arrive, one of every lead after another, as (leads, n).

    Parameters
    ----------
    source
        File descriptor: what has come is read at once, and nothing is held back in a buffer.
    sample_type
        int16, float32 or float64.
    leads, fs
        Of the signal.

    Raises
    ------
    RecordingError
        If the bytes end within a sample of all leads.
    """
    dtype, rest = np.dtype(sample_type).newbyteorder("<"), b""
    row = dtype.itemsize * leads
    while content := os.read(source, max(1, round(CHUNK_S * fs)) * row):
        content = rest + content
        whole = len(content) // row * row
        rest = content[whole:]
        yield np.frombuffer(content[:whole], dtype).reshape(-1, leads).T
    if rest:
        raise RecordingError(
            f"standard input ended within a sample: {len(rest)} of {row} bytes ({leads} leads, {sample_type})"
        )
