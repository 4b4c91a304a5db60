"""Reads safetensors out of a bundle, so that the runtime needs no package for it.

The format: eight bytes of header length, a JSON header that gives each tensor's type, shape and place, then the numbers
(https://huggingface.co/docs/safetensors). Arrays are views into the bytes given, and cannot be written.
"""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ecg2lab.errors import BundleError
from ecg2lab.strict_json import refuse_repeated_keys

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "<i1", "U8": "<u1", "BOOL": "?"}
_LENGTH = 8


class _Entry(msgspec.Struct):
    dtype: str
    shape: list[Annotated[int, Meta(ge=0)]]
    data_offsets: tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]]


def read(content: bytes, name: str) -> dict[str, NDArray[np.generic]]:
    """Arrays by name.

    Parameters
    ----------
    content
        Of a safetensors file.
    name
        What to call it in a message.

    Raises
    ------
    BundleError
        If anything in the header contradicts the content.
    """
    length = int.from_bytes(content[:_LENGTH], "little")
    body = memoryview(content)[_LENGTH + length :]
    try:
        if len(content) < _LENGTH + length:
            raise ValueError("its header is cut short")
        text = content[_LENGTH : _LENGTH + length]
        refuse_repeated_keys(text)
        header = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        entries = {k: msgspec.json.decode(v, type=_Entry) for k, v in header.items() if k != "__metadata__"}
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BundleError(f"{name} is malformed: {error}") from None
    _require_no_gap(entries, len(body), name)
    return {key: _array(entry, body, f"{name}: {key}") for key, entry in entries.items()}


def _require_no_gap(entries: dict[str, _Entry], size: int, name: str) -> None:
    """Tensors lie one after another: none over another, and no byte that is none of theirs."""
    end = 0
    for start, stop in sorted(entry.data_offsets for entry in entries.values()):
        if start != end or stop < start:
            raise BundleError(f"{name} is malformed: its tensors overlap or leave a gap")
        end = stop
    if end != size:
        raise BundleError(f"{name} is malformed: its tensors take {end} bytes and it has {size}")


def _array(entry: _Entry, body: memoryview, name: str) -> NDArray[np.generic]:
    start, stop = entry.data_offsets
    if entry.dtype not in _TYPES:
        raise BundleError(f"{name} is of type {entry.dtype}, which this ecg2lab does not read")
    dtype = np.dtype(_TYPES[entry.dtype])
    if stop - start != dtype.itemsize * math.prod(entry.shape):
        raise BundleError(f"{name} does not fill the place that its header gives it")
    try:
        array = np.frombuffer(body[start:stop], dtype).reshape(entry.shape)
    except (ValueError, OverflowError):
        raise BundleError(f"{name} has a shape that no array can have") from None
    return np.require(array, requirements="A")  # a header of odd length would leave its numbers between addresses
