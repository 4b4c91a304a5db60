"""Requests and answers of the Open Inference Protocol in gRPC: tensors as bytes, or as numbers by their type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg2lab.edge.inference.description import VERSION, Declared, Description
from ecg2lab.edge.inference.messages import message
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

_CONTENTS = {"FP32": "fp32_contents", "INT64": "int64_contents"}
_Response = message("ModelInferResponse")


def decode(told: Any, model: Description, most: int) -> Request:
    """A request from a `ModelInferRequest`; the outputs have the form of the inputs.

    Parameters
    ----------
    model
        Whose tensors they must be.
    most
        Windows in one request.

    Raises
    ------
    RequestError
        On anything that is not so.
    """
    parts = (*told.inputs, *told.outputs)
    refuse_parameters(request=_parameters(told.parameters), tensors=[_parameters(part.parameters) for part in parts])
    raw = told.raw_input_contents
    if raw and len(raw) != len(told.inputs):
        raise RequestError(f"raw_input_contents holds {len(raw)} tensors, and there are {len(told.inputs)} inputs")
    inputs: dict[str, NDArray[Any]] = {}
    for index, part in enumerate(told.inputs):
        tensor = find_input(part.name, model.inputs, inputs)
        check_form(tensor, part.datatype, part.shape, most)
        if raw and part.HasField("contents"):
            raise RequestError(f"input {part.name} has contents, and there are raw_input_contents")
        inputs[part.name] = from_bytes(tensor, part.shape, raw[index]) if raw else _typed(tensor, part)
    wanted: dict[str, Wanted] = {}
    for part in told.outputs:
        wanted[part.name] = Wanted(find_output(part.name, model.outputs, wanted), bool(raw))
    every = tuple(Wanted(tensor, bool(raw)) for tensor in model.outputs)
    return Request(told.id, complete(inputs, model.inputs), tuple(wanted.values()) or every)


def _parameters(told: Any) -> dict[str, Any]:
    chosen = {name: value.WhichOneof("parameter_choice") for name, value in told.items()}
    return {name: getattr(told[name], choice) if choice else None for name, choice in chosen.items()}


def _typed(tensor: Declared, part: Any) -> NDArray[Any]:
    field = _CONTENTS[tensor.datatype]
    if any(described.name != field for described, _ in part.contents.ListFields()):
        raise RequestError(f"the contents of input {part.name} must be {field}")
    return from_numbers(tensor, part.shape, np.array(getattr(part.contents, field), tensor.dtype))


def encode(model: Description, request: Request, outputs: Sequence[NDArray[Any]]) -> Any:
    """A `ModelInferResponse`; `outputs` in the order of `request.outputs`."""
    response = _Response(model_name=model.name, model_version=VERSION, id=request.id)
    for name, text in model.about.items():
        response.parameters[name].string_param = text
    for (tensor, raw), array in zip(request.outputs, outputs, strict=True):
        part = response.outputs.add(name=tensor.name, datatype=tensor.datatype, shape=array.shape)
        if raw:
            response.raw_output_contents.append(array.astype(tensor.dtype, copy=False).tobytes())
        else:
            getattr(part.contents, _CONTENTS[tensor.datatype]).extend(array.ravel().tolist())
    return response
