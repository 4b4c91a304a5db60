"""Requests and answers of the Open Inference Protocol in HTTP: JSON, with tensors in it or as bytes behind it.

With the binary tensor extension the header `Inference-Header-Content-Length` says how long the JSON is. The bytes of
the inputs that state a `binary_data_size` follow in the order of the inputs, and likewise those of the outputs.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from numpy.typing import NDArray

from ecg2lab.edge.inference.description import VERSION, Declared, Description
from ecg2lab.edge.inference.refusals import RequestError
from ecg2lab.edge.inference.tensors import (
    Request,
    Wanted,
    check_form,
    complete,
    find_input,
    find_output,
    from_bytes,
    from_numbers,
    refuse_parameters,
)

_SIZE = "binary_data_size"
_NUMBERS: dict[str, Any] = {"FP32": list[float], "INT64": list[int]}
_NESTED = re.compile(rb"\s*\[\s*\[")
_LONGEST_PARAMETERS = 4096
_MOST_OTHERS = 1000
"""Values of a request that are no numbers of a tensor."""
_NONE = Raw(b"{}")
_Dimension = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class _Input(Struct):
    name: str
    shape: Annotated[list[_Dimension], Meta(max_length=8)]
    datatype: str
    parameters: Raw = _NONE
    data: Raw | UnsetType = UNSET


class _Output(Struct):
    name: str
    parameters: Raw = _NONE


class _Body(Struct):
    inputs: list[_Input]
    outputs: list[_Output] = []
    id: str = ""
    parameters: Raw = _NONE


class Encoded(NamedTuple):
    """An answer."""

    content: bytes
    json_size: int | None
    """Bytes of JSON before the binary tensors; None: there is nothing but JSON."""


def decode(body: bytes, json_size: int | None, model: Description, most: int) -> Request:
    """A request from its body.

    Parameters
    ----------
    body
        As it came, decompressed.
    json_size
        What `Inference-Header-Content-Length` says; None: there is no such header.
    model
        Whose tensors they must be.
    most
        Windows in one request.

    Raises
    ------
    RequestError
        On anything that is not so.
    """
    if json_size is not None and not 0 < json_size <= len(body):
        raise RequestError(f"Inference-Header-Content-Length says {json_size}, and the body has {len(body)} bytes")
    numbers = most * sum(math.prod(tensor.shape) for tensor in model.inputs)
    if body.count(b",", 0, json_size) > numbers + _MOST_OTHERS:  # before they take far more memory than the body
        raise RequestError(f"the request has more numbers than {most} windows: send more in several requests")
    view = memoryview(body)
    told = _json(view if json_size is None else view[:json_size], _Body)
    refuse_parameters(
        request=_parameters(told.parameters),
        tensors=[_parameters(part.parameters) for part in (*told.inputs, *told.outputs)],
    )
    inputs = _inputs(told.inputs, b"" if json_size is None else view[json_size:], model.inputs, most)
    return Request(told.id, complete(inputs, model.inputs), _outputs(told, model.outputs))


def _json(text: bytes | memoryview | Raw, kind: Any, called: str = "the request") -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"{called} cannot be read: {error}") from None
    except RecursionError:
        raise RequestError(f"{called} cannot be read: it is nested too deep") from None


def _parameters(told: Raw) -> dict[str, Any]:
    if len(memoryview(told)) > _LONGEST_PARAMETERS:
        raise RequestError(f"parameters have {_LONGEST_PARAMETERS} bytes at most")
    parameters: dict[str, Any] = _json(told, dict[str, Any])
    return parameters


def _inputs(
    told: Sequence[_Input], rest: bytes | memoryview, declared: Sequence[Declared], most: int
) -> dict[str, NDArray[Any]]:
    inputs: dict[str, NDArray[Any]] = {}
    for part in told:
        tensor = find_input(part.name, declared, inputs)
        check_form(tensor, part.datatype, part.shape, most)
        size = _parameters(part.parameters).get(_SIZE)
        if (size is None) == (part.data is UNSET):
            raise RequestError(f"input {part.name} must have either data or {_SIZE}")
        if size is None:
            inputs[part.name] = _numbers(tensor, part)
            continue
        if type(size) is not int or not 0 <= size <= len(rest):
            raise RequestError(f"the {_SIZE} of input {part.name} is no number of bytes that the body still has")
        inputs[part.name] = from_bytes(tensor, part.shape, rest[:size])
        rest = rest[size:]
    if len(rest):
        raise RequestError(f"the body has {len(rest)} bytes behind the last tensor")
    return inputs


def _numbers(tensor: Declared, part: _Input) -> NDArray[Any]:
    """Data in JSON, which may be flat or nested."""
    assert not isinstance(part.data, UnsetType)
    text = memoryview(part.data)
    kind: Any = _NUMBERS[tensor.datatype]
    if _NESTED.match(text):
        for _ in tensor.shape:
            kind = list[kind]
    return from_numbers(tensor, part.shape, _json(text, kind, f"the data of input {part.name}"))


def _outputs(told: _Body, declared: Sequence[Declared]) -> tuple[Wanted, ...]:
    default = _flag(_parameters(told.parameters), "binary_data_output", False)
    if not told.outputs:
        return tuple(Wanted(tensor, default) for tensor in declared)
    wanted: dict[str, Wanted] = {}
    for part in told.outputs:
        tensor = find_output(part.name, declared, wanted)
        wanted[part.name] = Wanted(tensor, _flag(_parameters(part.parameters), "binary_data", default))
    return tuple(wanted.values())


def _flag(parameters: dict[str, Any], name: str, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise RequestError(f"{name} must be true or false")
    return value


def encode(model: Description, request: Request, outputs: Sequence[NDArray[Any]]) -> Encoded:
    """An answer; `outputs` in the order of `request.outputs`."""
    told, behind = [], []
    for (tensor, binary), array in zip(request.outputs, outputs, strict=True):
        about: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype, "shape": array.shape}
        if binary:
            behind.append(array.astype(tensor.dtype, copy=False).tobytes())
            told.append(about | {"parameters": {_SIZE: len(behind[-1])}})
        else:
            told.append(about | {"data": array.ravel().tolist()})
    head: dict[str, Any] = {"model_name": model.name, "model_version": VERSION, "parameters": model.about}
    text = msgspec.json.encode((head | {"id": request.id} if request.id else head) | {"outputs": told})
    return Encoded(b"".join((text, *behind)), len(text) if behind else None)
