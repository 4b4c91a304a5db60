"""Tensors of a request, checked against what the model declares, whatever form they came in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.edge.inference.description import Declared
from ecg2lab.edge.inference.refusals import RequestError

_SHARED_MEMORY = "shared_memory_region"
_SEQUENCE, _CLASSES = "sequence_id", "classification"


class Wanted(NamedTuple):
    """An output that is asked for."""

    tensor: Declared
    binary: bool
    """Whether as bytes behind the JSON."""


class Request(NamedTuple):
    """What is asked of the model."""

    id: str
    inputs: dict[str, NDArray[Any]]  # (B …)
    outputs: tuple[Wanted, ...]


def find_input(name: str, declared: Sequence[Declared], before: Iterable[str]) -> Declared:
    """An input by its name.

    Raises
    ------
    RequestError
        If the model has none of that name, or it came before.
    """
    return _find("input", name, declared, before)


def find_output(name: str, declared: Sequence[Declared], before: Iterable[str]) -> Declared:
    """An output by its name; errors as for `find_input`."""
    return _find("output", name, declared, before)


def _find(kind: str, name: str, declared: Sequence[Declared], before: Iterable[str]) -> Declared:
    tensor = next((tensor for tensor in declared if tensor.name == name), None)
    if tensor is None:
        names = ", ".join(tensor.name for tensor in declared)
        raise RequestError(f"there is no {kind} of that name; these are: {names}")
    if name in before:
        raise RequestError(f"{kind} {name} is there twice")
    return tensor


def check_form(tensor: Declared, datatype: str, shape: Sequence[int], most: int) -> None:
    """Compare what a request says of an input with what the model has.

    Parameters
    ----------
    most
        Windows in one request.

    Raises
    ------
    RequestError
        On another type or shape, or a batch of none or of too many.
    """
    if datatype != tensor.datatype:
        raise RequestError(f"input {tensor.name} must have the datatype {tensor.datatype}")
    if tuple(shape[1:]) != tensor.shape or not shape:
        must = ", ".join(map(str, ("windows", *tensor.shape)))
        raise RequestError(f"input {tensor.name} must have the shape [{must}]")
    if not 1 <= shape[0] <= most:
        raise RequestError(f"input {tensor.name} must have 1 to {most} windows: send more in several requests")


def from_bytes(tensor: Declared, shape: Sequence[int], content: bytes | memoryview) -> NDArray[Any]:
    """An input from its bytes: little-endian, the last dimension fastest.

    Raises
    ------
    RequestError
        If there are more or fewer than the shape has.
    """
    size = math.prod(shape) * tensor.dtype.itemsize
    if len(content) != size:
        raise RequestError(f"input {tensor.name} has {len(content)} bytes, and one of its shape has {size}")
    return _native(np.frombuffer(content, tensor.dtype).reshape(shape))


def from_numbers(tensor: Declared, shape: Sequence[int], numbers: Any) -> NDArray[Any]:
    """An input from numbers, flat or nested as the shape says.

    Raises
    ------
    RequestError
        If there are more or fewer than the shape has, or one does not fit the type.
    """
    try:
        with np.errstate(over="ignore"):  # what becomes infinite so is refused with all that is not finite
            array = np.array(numbers, tensor.dtype)
    except (ValueError, OverflowError):
        raise RequestError(f"the data of input {tensor.name} are not of its shape and datatype") from None
    if array.shape != tuple(shape) and (array.ndim != 1 or array.size != math.prod(shape)):
        raise RequestError(f"the data of input {tensor.name} are {array.size} numbers, not {math.prod(shape)}")
    return _native(array.reshape(shape))


def _native(array: NDArray[Any]) -> NDArray[Any]:
    """In this machine's order, and aligned in memory."""
    return array.astype(array.dtype.newbyteorder("="))


def complete(inputs: dict[str, NDArray[Any]], declared: Sequence[Declared]) -> dict[str, NDArray[Any]]:
    """Inputs with those that have no columns.

    Raises
    ------
    RequestError
        If one is missing.
    """
    missing = [tensor for tensor in declared if tensor.name not in inputs]
    absent = ", ".join(tensor.name for tensor in missing if not tensor.empty)
    if absent:
        raise RequestError(f"there is no input {absent}")
    count = max((len(array) for array in inputs.values()), default=0)
    return inputs | {
        tensor.name: np.empty((count, *tensor.shape), tensor.dtype.newbyteorder("=")) for tensor in missing
    }


def refuse_parameters(*, request: Mapping[str, Any], tensors: Iterable[Mapping[str, Any]]) -> None:
    """Refuse what would change the answer, and is not done here; other parameters are passed over.

    Raises
    ------
    RequestError
        Naming it.
    """
    if request.get(_SEQUENCE):
        raise RequestError("sequences are not kept: a signal that is still coming in goes to /v1/streams")
    for parameters in tensors:
        if _SHARED_MEMORY in parameters:
            raise RequestError("shared memory is not read: send the tensor itself")
        if parameters.get(_CLASSES):
            raise RequestError("classes are not ranked: ask for the output itself")
