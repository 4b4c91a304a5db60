"""Reads safetensors out of a bundle, so that the runtime needs no package for it.

The format: eight bytes of header length, a JSON header that gives each tensor's type, shape and place, then the numbers
(https://huggingface.co/docs/safetensors). Arrays are views into the bytes given.
"""

from __future__ import annotations

import math
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ecg2lab.errors import BundleError

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
        header = msgspec.json.decode(content[_LENGTH : _LENGTH + length], type=dict[str, msgspec.Raw])
        entries = {k: msgspec.json.decode(v, type=_Entry) for k, v in header.items() if k != "__metadata__"}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BundleError(f"{name} is malformed: {error}") from None
    return {key: _array(entry, body, f"{name}: {key}") for key, entry in entries.items()}


def _array(entry: _Entry, body: memoryview, name: str) -> NDArray[np.generic]:
    start, stop = entry.data_offsets
    if entry.dtype not in _TYPES:
        raise BundleError(f"{name} is of type {entry.dtype}, which this ecg2lab does not read")
    dtype = np.dtype(_TYPES[entry.dtype])
    if stop > len(body) or stop - start != dtype.itemsize * math.prod(entry.shape):
        raise BundleError(f"{name} does not fill the place that its header gives it")
    return np.frombuffer(body[start:stop], dtype).reshape(entry.shape)
