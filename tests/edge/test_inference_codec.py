"""Requests and answers of the Open Inference Protocol as bytes: what was sent is read, and nothing else is believed."""

import gzip
import json
import tracemalloc
import zlib
from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ecg2lab.edge.inference import json_tensors
from ecg2lab.edge.inference.compression import decompress
from ecg2lab.edge.inference.description import Declared, Description
from ecg2lab.edge.inference.messages import message
from ecg2lab.edge.inference.refusals import RequestError
from ecg2lab.edge.inference.tensors import Request, Wanted
from ecg2lab.edge.inference.wire import INFER, require_few_fields

MODEL = Description(
    "m",
    (Declared("x", "FP32", (2, 3)), Declared("k", "INT64", (2,)), Declared("none", "INT64", (0,))),
    (Declared("y", "FP32", (2,)), Declared("z", "FP32", (1,))),
    {"notice": "for a test"},
)
MOST = 4
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
COUNTS = st.integers(1, MOST)


@st.composite
def inputs(draw):
    count = draw(COUNTS)
    return {
        "x": draw(arrays.arrays("<f4", (count, 2, 3), elements=FLOATS)),
        "k": draw(arrays.arrays("<i8", (count, 2))),
    }


def encoded(told, binary, shuffled, flat, outputs=None):
    """A request as somebody else would write it."""
    parts, behind = [], b""
    for name in shuffled:
        array, part = told[name], {"name": name, "datatype": "FP32" if name == "x" else "INT64"}
        part["shape"] = list(array.shape)
        if name in binary:
            part["parameters"] = {"binary_data_size": array.nbytes}
            behind += array.tobytes()
        else:
            part["data"] = (array.ravel() if name in flat else array).tolist()
        parts.append(part)
    text = json.dumps({"id": "1", "inputs": parts, **({} if outputs is None else {"outputs": outputs})}).encode()
    return text + behind, len(text) if behind else None


names = st.sets(st.sampled_from(["x", "k"]))


@given(told=inputs(), binary=names, flat=names, shuffled=st.permutations(["x", "k"]))
def test_what_was_sent_is_read_to_the_bit(told, binary, flat, shuffled):
    body, size = encoded(told, binary, shuffled, flat)
    request = json_tensors.decode(body, size, MODEL, MOST)
    assert request.id == "1"
    assert set(request.inputs) == {"x", "k", "none"}
    assert request.inputs["none"].shape == (len(told["x"]), 0)
    for name, array in told.items():
        read = request.inputs[name]
        assert read.tobytes() == array.tobytes()  # also the sign of zero
        assert read.flags.aligned
        assert read.dtype.isnative


@given(
    rows=arrays.arrays("<f4", arrays.array_shapes(min_dims=2, max_dims=2, max_side=4), elements=FLOATS),
    binary=st.tuples(st.booleans(), st.booleans()),
)
def test_an_answer_says_what_was_computed_to_the_bit(rows, binary):
    wanted = tuple(Wanted(tensor, flag) for tensor, flag in zip(MODEL.outputs, binary, strict=True))
    answer = json_tensors.encode(MODEL, Request("", {}, wanted), [rows, -rows])
    size = len(answer.content) if answer.json_size is None else answer.json_size
    assert (answer.json_size is None) == (True not in binary)
    told, rest = json.loads(answer.content[:size]), answer.content[size:]
    assert told["parameters"] == MODEL.about
    for part, right in zip(told["outputs"], (rows, -rows), strict=True):
        if "parameters" in part:
            length = part["parameters"]["binary_data_size"]
            read, rest = np.frombuffer(rest[:length], "<f4"), rest[length:]
        else:
            read = np.array(part["data"], "<f4")
        assert part["shape"] == list(right.shape)
        assert read.tobytes() == right.tobytes()
    assert rest == b""


def read_or_refuse(body, size):
    """Whatever it is: a request that fits the model, or a refusal."""
    try:
        request = json_tensors.decode(body, size, MODEL, MOST)
    except RequestError:
        return
    counts = {len(array) for array in request.inputs.values()}
    assert all(1 <= count <= MOST for count in counts)
    for tensor in MODEL.inputs:
        assert request.inputs[tensor.name].shape[1:] == tensor.shape


@given(st.binary(max_size=200), st.none() | st.integers(-5, 300))
def test_any_bytes_are_read_or_refused(body, size):
    read_or_refuse(body, size)


@given(told=inputs(), data=st.data())
def test_a_damaged_request_is_read_or_refused(told, data):
    body, size = encoded(told, {"x", "k"}, ["x", "k"], set())
    damaged = bytearray(body)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    read_or_refuse(bytes(damaged[:cut] if data.draw(st.booleans()) else damaged), size)


numbers = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none(), st.text(max_size=3), st.just([]), st.just({})
)
anything = st.recursive(numbers, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner))


@given(
    st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["x", "k", "none", "?"]) | numbers},
            optional={
                "shape": st.lists(st.integers(-2, 5) | numbers, max_size=4) | numbers,
                "datatype": st.sampled_from(["FP32", "INT64", "FP64", "BYTES"]) | numbers,
                "parameters": st.dictionaries(st.sampled_from(["binary_data_size", "classification"]), numbers),
                "data": anything,
            },
        ),
        max_size=4,
    ),
    st.binary(max_size=100),
)
def test_any_request_in_json_is_read_or_refused(parts, rest):
    text = json.dumps({"inputs": parts}).encode()  # with NaN and Infinity, which are no JSON
    read_or_refuse(text + rest, len(text))


@pytest.mark.parametrize("space", [" " * 200, "\n\t"])
def test_space_between_brackets_does_not_matter(space):
    text = f'{{"inputs":[{{"name":"k","datatype":"INT64","shape":[1,2],"data":{space}[{space}[1,{space}2]]}},'
    text += f'{{"name":"x","datatype":"FP32","shape":[1,2,3],"data":[{space}0,1,2,3,4,5]}}]}}'
    request = json_tensors.decode(text.encode(), None, MODEL, MOST)
    assert request.inputs["k"].tolist() == [[1, 2]]
    assert request.inputs["x"].ravel().tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "0x10", "01", "1_000"])
def test_what_is_no_number_of_json_is_refused(value):
    text = f'{{"inputs":[{{"name":"k","datatype":"INT64","shape":[1,2],"data":[{value},1]}}]}}'
    with pytest.raises(RequestError):
        json_tensors.decode(text.encode(), None, MODEL, MOST)


@pytest.mark.parametrize(
    "text",
    [
        b'{"inputs":[{"name":"k","datatype":"INT64","shape":[1,2],"data":[' + b"0," * 100_000 + b"0]}]}",
        b'{"inputs":[{"name":"k","datatype":"INT64","shape":[1,2],"data":[' + b"[]," * 100_000 + b"0]}]}",
        b'{"inputs":[' + b'{"name":"k"},' * 100_000 + b"{}]}",
        b'{"inputs":[],"parameters":{"a":[' + b"[]," * 900 + b"[" * 5000 + b"]" * 5000 + b"]}}",
        b'{"inputs":[{"name":"k","datatype":"INT64","shape":[' + b"1," * 100_000 + b"2]}]}",
    ],
    ids=["numbers", "lists", "inputs", "parameters", "dimensions"],
)
def test_many_small_values_are_refused_before_they_take_memory(text):
    tracemalloc.start()
    try:
        with pytest.raises(RequestError):
            json_tensors.decode(text, None, MODEL, MOST)
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


names_of_parameters = st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**63 - 1), max_size=3)


@given(
    st.lists(st.tuples(st.text(), st.lists(st.integers(-1, 2**40), max_size=3), names_of_parameters), max_size=4),
    st.lists(st.lists(FLOATS, max_size=300), max_size=4),
    st.lists(st.binary(max_size=300), max_size=4),
)
def test_a_message_that_a_program_writes_has_few_fields(parts, numbers, raw):
    told = message("ModelInferRequest")(model_name="m", raw_input_contents=raw)
    for name, shape, parameters in parts:
        part = told.inputs.add(name=name, shape=shape)
        for key, value in parameters.items():
            part.parameters[key].int64_param = told.parameters[key].int64_param = value
        told.outputs.add(name=name).parameters["x"].string_param = name
    for part, data in zip(told.inputs, numbers, strict=False):
        part.contents.fp32_contents.extend(data)
    require_few_fields(told.SerializeToString(), INFER)


@given(st.binary(max_size=100))
def test_bytes_of_which_fields_are_counted_may_be_anything(content):
    with suppress(RequestError):
        require_few_fields(content, INFER)


@pytest.mark.parametrize(
    "content",
    [
        b"\x2a\x00" * 1001,
        b"\x22\x00" * 1001,
        b"\x2a\xd4\x0f" + b"\x22\x00" * 1002,
        b"\x32\xd2\x0f" + b"\x12\x00" * 1001,
    ],
    ids=["inputs", "parameters", "of an input", "of an output"],
)
def test_messages_of_very_many_fields_are_refused(content):
    assert message("ModelInferRequest").FromString(content).ByteSize() > 0
    with pytest.raises(RequestError, match="more than 1000 fields"):
        require_few_fields(content, INFER)


def test_an_input_without_columns_may_be_sent_too():
    told = [
        {"name": "x", "datatype": "FP32", "shape": [1, 2, 3], "data": [0] * 6},
        {"name": "k", "datatype": "INT64", "shape": [1, 2], "data": [0, 0]},
        {"name": "none", "datatype": "INT64", "shape": [1, 0], "data": []},
    ]
    request = json_tensors.decode(msgspec.json.encode({"inputs": told}), None, MODEL, MOST)
    assert request.inputs["none"].shape == (1, 0)
    assert [tensor["name"] for tensor in MODEL.metadata()["inputs"]] == ["x", "k"]


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "GZIP", " deflate "]))
def test_a_compressed_body_is_what_it_was_or_too_large(content, encoding):
    compressed = (gzip if "gzip" in encoding.lower() else zlib).compress(content)
    if len(content) <= 100:
        assert decompress(compressed, encoding, 100) == content
    else:
        with pytest.raises(RequestError, match="larger than"):
            decompress(compressed, encoding, 100)


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate"]))
def test_any_compressed_bytes_are_read_or_refused(content, encoding):
    with suppress(RequestError):
        assert len(decompress(content, encoding, 1000)) <= 1000
