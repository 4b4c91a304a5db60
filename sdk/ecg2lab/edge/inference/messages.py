"""The messages of the Open Inference Protocol in gRPC, by their names and the numbers of their fields.

They are put together here, in a pool of their own, and need neither a compiler nor a generated file. A test compares
them with those of Triton's client.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
_NAME, _MODEL = "name string 1", "name string 1, version string 2"
_TENSOR = "name string 1, datatype string 2, shape int64* 3"
_DATA = f"{_TENSOR}, parameters {{}} 4, contents InferTensorContents 5"
_CALL = "model_name string 1, model_version string 2, id string 3, parameters {} 4"
_CHOICE = "parameter_choice"
_TABLE = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live bool 1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready bool 1",
    "ModelReadyRequest": _MODEL,
    "ModelReadyResponse": "ready bool 1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": f"{_MODEL}, extensions string* 3",
    "ModelMetadataRequest": _MODEL,
    "ModelMetadataResponse": (
        f"{_NAME}, versions string* 2, platform string 3, inputs .TensorMetadata* 4, outputs .TensorMetadata* 5"
    ),
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "InferParameter": (
        "bool_param bool? 1, int64_param int64? 2, string_param string? 3, double_param double? 4, "
        "uint64_param uint64? 5"
    ),
    "InferTensorContents": (
        "bool_contents bool* 1, int_contents int32* 2, int64_contents int64* 3, uint_contents uint32* 4, "
        "uint64_contents uint64* 5, fp32_contents float* 6, fp64_contents double* 7, bytes_contents bytes* 8"
    ),
    "ModelInferRequest": (
        f"{_CALL}, inputs .InferInputTensor* 5, outputs .InferRequestedOutputTensor* 6, raw_input_contents bytes* 7"
    ),
    "ModelInferRequest.InferInputTensor": _DATA,
    "ModelInferRequest.InferRequestedOutputTensor": f"{_NAME}, parameters {{}} 2",
    "ModelInferResponse": f"{_CALL}, outputs .InferOutputTensor* 5, raw_output_contents bytes* 6",
    "ModelInferResponse.InferOutputTensor": _DATA,
}
"""A field is its name, type and number; `*`: repeated, `?`: one of a choice, `{}`: parameters by name, `.X`: the
message X within this one."""
_Field = descriptor_pb2.FieldDescriptorProto


def _file() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="ecg2lab/open_inference.proto", package=PACKAGE, syntax="proto3")
    made: dict[str, Any] = {}
    for name, fields in _TABLE.items():
        outer, _, inner = name.rpartition(".")
        message = made[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=name)
        made[name] = message
        for field in filter(None, fields.split(", ")):
            _add(message, f".{PACKAGE}.{name}", *field.split())
    return file


def _add(message: Any, path: str, name: str, kind: str, number: str) -> None:
    repeated = kind.endswith("*") or kind == "{}"
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=int(number), label=label)
    if kind.endswith("?"):
        if not message.oneof_decl:
            message.oneof_decl.add(name=_CHOICE)
        field.oneof_index = 0
    plain = kind.rstrip("*?")
    if plain == "{}":
        _add_parameters(message, path)
        plain = ".ParametersEntry"
    if plain[0].islower():
        field.type = getattr(_Field, f"TYPE_{plain.upper()}")
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f"{path}{plain}" if plain.startswith(".") else f".{PACKAGE}.{plain}"


def _add_parameters(message: Any, path: str) -> None:
    """What a map is in a file of descriptors."""
    entry = message.nested_type.add(name="ParametersEntry")
    entry.options.map_entry = True
    _add(entry, path, "key", "string", "1")
    _add(entry, path, "value", "InferParameter", "2")


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_file())


def message(name: str) -> Any:
    """The class of a message, such as `ModelInferRequest`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))
