"""Limits of what is read: every reader checks sizes that a file announces before it allocates memory for them."""

from __future__ import annotations

from ecg2lab.errors import RecordingError

MOST_BYTES = 2**27
"""Size of a file, 128 MiB: 3 hours of 12 leads at 500 Hz with 16 bits."""
MOST_TEXT_BYTES = 2**25
"""Size of XML and CSV, which take more memory than their size."""
MOST_VALUES = 2**26
"""Samples of all channels together: 3 hours of 12 leads at 500 Hz with 64 bits."""
MOST_SIGNALS = 512
MOST_SECONDS = 24 * 3600.0


def check_size(values: int) -> None:
    """Refuse too many samples over all channels.

    Raises
    ------
    RecordingError
        If it is too large.
    """
    if values > MOST_VALUES:
        raise RecordingError(f"it announces {values} samples; at most {MOST_VALUES} are read: cut it into parts")


def check_signals(signals: int) -> None:
    """Refuse too many channels; errors as for `check_size`."""
    if signals > MOST_SIGNALS:
        raise RecordingError(f"it announces {signals} signals; at most {MOST_SIGNALS} are read: leave some out")


def check_duration(seconds: float) -> None:
    """Refuse too long a duration; errors as for `check_size`."""
    if seconds > MOST_SECONDS:
        raise RecordingError(f"it lasts {seconds / 3600:.0f} hours; at most {MOST_SECONDS / 3600:.0f} are read: cut it")


def check_text(size: int, kind: str) -> None:
    """Refuse a text of too many bytes; errors as for `check_size`."""
    if size > MOST_TEXT_BYTES:
        raise RecordingError(f"it is larger than {MOST_TEXT_BYTES >> 20} MiB, the most that is read of {kind}")
