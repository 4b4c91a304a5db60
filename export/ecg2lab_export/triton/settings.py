"""How a model is to be served: what the person who runs the server decides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ecg2lab.errors import BackendError, OutputError

if TYPE_CHECKING:
    from ecg2lab.contract import Signal

DEVICES = ("cpu", "gpu")
LARGEST_BATCH, MOST_INSTANCES, MOST_THREADS, LONGEST_DELAY_US = 1024, 256, 256, 10_000_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_ECG_S = 10
"""Of a resting ECG: what a request usually holds."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Of one model in a repository.

    Raises
    ------
    BackendError
        On a number that no server could honour.
    OutputError
        On a name or a path that Triton would refuse or misread.
    """

    name: str
    """Of the model, which is the name of its folder; variants append `_tensorrt` and `_stream` to it."""
    device: str = "cpu"
    """Where ONNX Runtime computes; never left to the server, which would fall to the CPU without a word."""
    instances: int = 1
    """Copies of the network on each device, which answer side by side."""
    threads: int = 1
    """Of ONNX Runtime in each instance, on the CPU."""
    max_batch: int = 16
    """Windows in one call of the network."""
    queue_delay_us: int = 500
    """Microseconds that a request may wait for others, when it does not fill a preferred batch alone."""
    engine_cache: str = "/engines"
    """Folder on the server that keeps TensorRT engines."""

    def __post_init__(self) -> None:
        """Refuse what cannot be served."""
        check_name(self.name)
        if self.device not in DEVICES:
            raise BackendError(f"device {self.device!r} is not one of {', '.join(DEVICES)}")
        _check_number("instances", self.instances, 1, MOST_INSTANCES)
        _check_number("threads", self.threads, 1, MOST_THREADS)
        _check_number("max_batch", self.max_batch, 1, LARGEST_BATCH)
        _check_number("queue_delay_us", self.queue_delay_us, 0, LONGEST_DELAY_US)
        path = PurePosixPath(self.engine_cache)
        if not path.is_absolute() or ".." in path.parts or not self.engine_cache.isprintable():
            raise OutputError(
                f"the engine cache must be an absolute path on the server, such as /engines, not {self.engine_cache!r}"
            )

    def preferred_batches(self, signal: Signal) -> list[int]:
        """Batch sizes that are run at once: the windows of one, two, four … resting ECGs, and the largest batch."""
        size = max(1, round(_ECG_S * signal.sampling_rate_hz / signal.window_samples))
        sizes = {self.max_batch}
        while size < self.max_batch:
            sizes.add(size)
            size *= 2
        return sorted(sizes)


def check_name(name: str) -> None:
    """Refuse a name that is no name of a folder, an address and a metric's label at once.

    Raises
    ------
    OutputError
        Saying which names there may be.
    """
    if not _NAME.match(name):
        raise OutputError(
            f"{name!r} cannot be the name of a Triton model: up to 100 letters, digits, '_', '-' and '.', "
            "beginning with a letter or a digit (--name gives another)"
        )


def _check_number(what: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BackendError(f"{what} must be a whole number between {least} and {most}, not {value!r}")
