"""The compiled core. Private: use the calls of `ecg2lab`."""

from ecg2lab._native import _core

__all__ = ["_core"]
