"""The Open Inference Protocol over gRPC: Triton's client, unchanged, and messages that it would not send."""

import hashlib
import threading

import httpx
import numpy as np
import pytest
from edge_server import listening_node
from hypothesis import given
from hypothesis import strategies as st
from windows import DATATYPES, draw_windows

from ecg2lab.edge.config import SCOPES
from ecg2lab.edge.inference import messages
from ecg2lab.errors import ConfigurationError

grpc = pytest.importorskip("grpc")
tritonclient = pytest.importorskip("tritonclient.grpc")
theirs = tritonclient.service_pb2
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    told = {"grpc": {}, "limits": {"body_mb": 1, "windows": 8, "least_free_mb": 0}, "workers": 2}
    with listening_node(tmp_path_factory.mktemp("ward"), **told) as server:
        yield server


@pytest.fixture
def program(ward):
    with tritonclient.InferenceServerClient(f"127.0.0.1:{ward.grpc.port}") as client:
        yield client


@pytest.fixture
def windows(ward):
    return draw_windows(ward.node.engine.contract, 3)


def tensors(windows):
    told = []
    for name, array in windows.items():
        told.append(tritonclient.InferInput(name, array.shape, DATATYPES[name]))
        told[-1].set_data_from_numpy(array)
    return told


def raw_request(windows):
    request = theirs.ModelInferRequest(model_name="demo")
    for name, array in windows.items():
        request.inputs.add(name=name, datatype=DATATYPES[name], shape=array.shape)
        request.raw_input_contents.append(array.tobytes())
    return request


def typed_request(windows):
    request = theirs.ModelInferRequest(model_name="demo")
    for name, array in windows.items():
        part = request.inputs.add(name=name, datatype=DATATYPES[name], shape=array.shape)
        field = {"FP32": "fp32_contents", "INT64": "int64_contents"}[DATATYPES[name]]
        getattr(part.contents, field).extend(array.ravel().tolist())
    return request


def call(port, method, content, metadata=(), stream=False, compression=None):
    """Any bytes to any method; its answer."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        path = f"/inference.GRPCInferenceService/{method}"
        if stream:
            return list(channel.stream_stream(path)(iter([content]), timeout=20, metadata=metadata))
        return channel.unary_unary(path)(content, timeout=20, metadata=metadata, compression=compression)


def refused(port, method, content, **named):
    with pytest.raises(grpc.RpcError) as error:
        call(port, method, content, **named)
    return error.value.code(), error.value.details()


def fields_of(message):
    fields = {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            field.message_type and field.message_type.full_name,
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in message.fields
    }
    return fields, {inner.name: fields_of(inner) for inner in message.nested_types}, message.GetOptions().map_entry


@pytest.mark.parametrize("name", [name for name in messages._TABLE if "." not in name])
def test_messages_are_those_of_tritons_client(name):
    assert fields_of(messages.message(name).DESCRIPTOR) == fields_of(theirs.DESCRIPTOR.message_types_by_name[name])


def test_a_program_finds_out_what_serves(program, ward):
    assert program.is_server_live()
    assert program.is_server_ready()
    assert [program.is_model_ready(*asked) for asked in (("demo",), ("demo", "1"), ("demo", "2"), ("other",))] == [
        True,
        True,
        False,
        False,
    ]
    assert program.get_server_metadata(as_json=True)["extensions"] == ["binary_tensor_data"]
    told = program.get_model_metadata("demo", as_json=True)
    with httpx.Client(base_url=f"http://127.0.0.1:{ward.http_port}") as http:
        over_http = http.get("/v2/models/demo").json()
    for tensor in (*told["inputs"], *told["outputs"]):
        tensor["shape"] = [int(size) for size in tensor["shape"]]
    assert told == over_http


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("outputs", [None, ["logits"], ["features", "logits"]])
def test_answers_are_those_of_the_engine(program, ward, windows, outputs, compression):
    wanted = None if outputs is None else [tritonclient.InferRequestedOutput(name) for name in outputs]
    answer = program.infer(
        "demo", tensors(windows), outputs=wanted, request_id="7", compression_algorithm=compression, model_version="1"
    )
    right = ward.node.engine.outputs(*windows.values())._asdict()
    for name in outputs or right:
        np.testing.assert_array_equal(answer.as_numpy(name), right[name])
    said = answer.get_response()
    assert (said.model_name, said.model_version, said.id) == ("demo", "1", "7")
    assert len(said.outputs) == len(outputs or right)
    assert said.parameters["bundle_digest"].string_param == ward.node.engine.info.bundle_digest
    assert said.parameters["notice"].string_param == ward.node.engine.info.notice


def test_numbers_are_answered_with_numbers(ward, windows):
    answer = theirs.ModelInferResponse.FromString(
        call(ward.grpc.port, "ModelInfer", typed_request(windows).SerializeToString())
    )
    assert not answer.raw_output_contents
    right = ward.node.engine.outputs(*windows.values())
    for part, array in zip(answer.outputs, right, strict=True):
        read = np.array(part.contents.fp32_contents, "f4").reshape(part.shape)
        np.testing.assert_array_equal(read, array)


def test_several_ask_at_once_and_answers_do_not_mix(ward):
    """Over gRPC and HTTP together."""
    said = {}

    def ask(number):
        windows = draw_windows(ward.node.engine.contract, 1 + number % 3, seed=number)
        with tritonclient.InferenceServerClient(f"127.0.0.1:{ward.grpc.port}") as client:
            said[number] = windows, [client.infer("demo", tensors(windows)).as_numpy("logits") for _ in range(3)]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(said) == 6
    for windows, answers in said.values():
        right = ward.node.engine.run(*windows.values())
        for answer in answers:
            np.testing.assert_array_equal(answer, right)


def change(tensor=None, **fields):
    def changed(request):
        part = request if tensor is None else request.inputs[tensor]
        for name, value in fields.items():
            if isinstance(value, list):
                del getattr(part, name)[:]
                getattr(part, name).extend(value)
            else:
                setattr(part, name, value)

    return changed


def drop_input(request):
    del request.inputs[1], request.raw_input_contents[1]


def repeat_input(request):
    request.inputs.append(request.inputs[0])
    request.raw_input_contents.append(request.raw_input_contents[0])


def mixed(request):
    request.inputs[0].contents.fp32_contents.append(1)


def parameter(name, **value):
    def changed(request):
        for field, content in value.items():
            setattr(request.parameters[name], field, content)

    return changed


def shared(request):
    request.inputs[0].parameters["shared_memory_region"].string_param = "r"


def classes(request):
    request.outputs.add(name="logits").parameters["classification"].int64_param = 3


def output(*names):
    return lambda request: [request.outputs.add(name=name) for name in names]


WRONG = {
    "no inputs": (change(inputs=[], raw_input_contents=[]), "no input signal, continuous, categorical"),
    "missing": (drop_input, "no input continuous"),
    "twice": (repeat_input, "signal is there twice"),
    "other name": (change(0, name="ecg"), "no input of that name"),
    "other type": (change(2, datatype="INT32"), "must have the datatype INT64"),
    "no shape": (change(0, shape=[]), "must have the shape"),
    "other shape": (change(0, shape=[3, 250, 12]), "must have the shape"),
    "negative": (change(0, shape=[-3, 12, 250]), "1 to 8 windows"),
    "overflow": (change(0, shape=[2**62, 12, 250]), "1 to 8 windows"),
    "none": (change(0, shape=[0, 12, 250]), "1 to 8 windows"),
    "too few raw": (lambda request: request.raw_input_contents.pop(), "2 tensors, and there are 3 inputs"),
    "too many raw": (lambda request: request.raw_input_contents.append(b""), "4 tensors, and there are 3 inputs"),
    "too few bytes": (change(raw_input_contents=[b"", b"", b""]), "0 bytes, and one of its shape has 36000"),
    "raw and numbers": (mixed, "has contents, and there are raw_input_contents"),
    "no data": (change(raw_input_contents=[]), "0 numbers, not 9000"),
    "sequence": (parameter("sequence_id", int64_param=7), "/v1/streams"),
    "sequence by name": (parameter("sequence_id", string_param="bed"), "/v1/streams"),
    "shared memory": (shared, "shared memory is not read"),
    "classes": (classes, "not ranked"),
    "output": (output("potassium"), "no output of that name"),
    "output twice": (output("logits", "logits"), "logits is there twice"),
}


@pytest.mark.parametrize(("changed", "said"), WRONG.values(), ids=WRONG)
def test_a_request_that_does_not_fit_is_refused_in_words(ward, windows, changed, said):
    request = raw_request(windows)
    changed(request)
    code, words = refused(ward.grpc.port, "ModelInfer", request.SerializeToString())
    assert code == Code.INVALID_ARGUMENT
    assert said in words


@pytest.mark.parametrize("field", ["fp64_contents", "int_contents", "bool_contents", "int64_contents"])
def test_numbers_of_another_type_are_refused(ward, windows, field):
    request = typed_request(windows)
    getattr(request.inputs[0].contents, field).append(1)
    code, words = refused(ward.grpc.port, "ModelInfer", request.SerializeToString())
    assert (code, words) == (Code.INVALID_ARGUMENT, "the contents of input signal must be fp32_contents")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("build", [raw_request, typed_request])
def test_what_is_not_finite_is_refused(ward, windows, build, value):
    windows["continuous"][1, 1] = value
    code, words = refused(ward.grpc.port, "ModelInfer", build(windows).SerializeToString())
    assert code == Code.INVALID_ARGUMENT
    assert "not finite" in words


@pytest.mark.parametrize(("name", "version"), [("other", ""), ("demo", "2"), ("", ""), ("demo/1", "")])
def test_another_model_is_not_found(ward, windows, name, version):
    request = raw_request(windows)
    request.model_name, request.model_version = name, version
    assert refused(ward.grpc.port, "ModelInfer", request.SerializeToString())[0] == Code.NOT_FOUND
    asked = theirs.ModelMetadataRequest(name=name, version=version)
    assert refused(ward.grpc.port, "ModelMetadata", asked.SerializeToString())[0] == Code.NOT_FOUND


def test_any_bytes_are_answered_or_refused(ward):
    """Of one connection, so that it also outlives them."""
    with grpc.insecure_channel(f"127.0.0.1:{ward.grpc.port}") as channel:
        infer = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")

        @given(st.binary(max_size=60))
        def ask(content):
            with pytest.raises(grpc.RpcError) as error:
                infer(content, timeout=20)
            assert error.value.code() in (Code.INVALID_ARGUMENT, Code.NOT_FOUND)

        ask()


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
def test_a_message_too_large_is_refused(ward, compression):
    content = bytes(8 << 20)
    code, words = refused(ward.grpc.port, "ModelInfer", content, compression=compression)
    assert code == Code.RESOURCE_EXHAUSTED
    assert "larger" in words


def methods():
    return {method.name: method for method in theirs.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods}


SERVED = {"ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer"}


@pytest.mark.parametrize("name", sorted(set(methods()) - SERVED))
def test_what_is_not_served_is_said_in_words(ward, name):
    code, words = refused(ward.grpc.port, name, b"", stream=methods()[name].server_streaming)
    assert code == Code.UNIMPLEMENTED
    assert len(words.split()) > 3
    assert words != "Method not found!"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    others = [scope for scope in SCOPES if scope != "send"]
    tokens = [
        {"name": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "scopes": scopes}
        for name, scopes in (("right", ["send"]), ("wrong", others))
    ]
    with listening_node(tmp_path_factory.mktemp("guarded"), grpc={}, tokens=tokens) as server:
        yield server


@pytest.mark.parametrize("name", sorted(methods()))
def test_each_call_needs_a_token_with_its_scope(guarded, name):
    def ask(token):
        metadata = () if token is None else (("authorization", token),)
        try:
            call(guarded.grpc.port, name, b"", metadata=metadata, stream=methods()[name].server_streaming)
        except grpc.RpcError as error:
            return error.code()
        return Code.OK

    if name in ("ServerLive", "ServerReady"):
        assert ask(None) == Code.OK
        return
    assert {ask(None), ask("Bearer "), ask("Bearer other"), ask("Basic right")} == {Code.UNAUTHENTICATED}
    assert ask("Bearer wrong") == Code.PERMISSION_DENIED
    assert ask("Bearer right") not in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)


def test_a_client_shows_its_token(guarded, windows):
    with tritonclient.InferenceServerClient(f"127.0.0.1:{guarded.grpc.port}") as program:
        with pytest.raises(tritonclient.InferenceServerException, match="this needs a token"):
            program.infer("demo", tensors(windows))
        answer = program.infer("demo", tensors(windows), headers={"authorization": "Bearer right"})
    np.testing.assert_array_equal(answer.as_numpy("logits"), guarded.node.engine.run(*windows.values()))


def test_ready_is_whether_recordings_are_taken(listening):
    server = listening(grpc={}, limits={"least_free_mb": 1e9})
    with tritonclient.InferenceServerClient(f"127.0.0.1:{server.grpc.port}") as client:
        assert client.is_server_live()
        assert not client.is_server_ready()


def test_overload_is_said_as_such(ward, windows, monkeypatch):
    monkeypatch.setattr(ward.node.inference, "_room", threading.BoundedSemaphore(1))
    content = raw_request(windows).SerializeToString()
    with ward.node.inference.taken("grpc", "cart"):
        assert refused(ward.grpc.port, "ModelInfer", content)[0] == Code.UNAVAILABLE
    assert call(ward.grpc.port, "ModelInfer", content)


def test_a_fault_of_ours_is_an_error_without_words_about_the_patient(ward, windows, monkeypatch):
    monkeypatch.setattr(ward.node.engine, "outputs", lambda *_: {}["Mrs Miller"])
    code, words = refused(ward.grpc.port, "ModelInfer", raw_request(windows).SerializeToString())
    assert (code, words) == (Code.INTERNAL, "a fault in ecg2lab; please report it")
    assert any(problem.where == "inference" for problem in ward.node.problems.latest())


def test_requests_are_counted_and_who_asks_is_noted(listening, windows, wait_until):
    server = listening(grpc={})
    with tritonclient.InferenceServerClient(f"127.0.0.1:{server.grpc.port}") as client:
        client.infer("demo", tensors(windows))
    text = server.node.metrics.text().decode()
    assert 'ecg2lab_inference_requests_total{outcome="answered",protocol="grpc"} 1.0' in text
    assert 'ecg2lab_inference_windows_total{protocol="grpc"} 3.0' in text
    rows = wait_until(lambda: server.node.ledger._store.read("SELECT who, what FROM audit"))
    assert [tuple(row) for row in rows] == [("127.0.0.1", "asked for logits")]


def test_a_program_asks_over_tls(listening, certificate, windows):
    pem, key = certificate
    server = listening(grpc={"tls": {"certificate": str(pem), "key": str(key)}})
    address = f"localhost:{server.grpc.port}"
    with tritonclient.InferenceServerClient(address, ssl=True, root_certificates=str(pem)) as client:
        answer = client.infer("demo", tensors(windows))
    np.testing.assert_array_equal(answer.as_numpy("logits"), server.node.engine.run(*windows.values()))
    assert refused(server.grpc.port, "ServerLive", b"")[0] == Code.UNAVAILABLE
    refusal = tritonclient.InferenceServerException
    with tritonclient.InferenceServerClient(address, ssl=True) as client, pytest.raises(refusal):
        client.is_server_live()


def test_a_port_that_is_taken_is_not_shared(listening, tmp_path, opened):
    first = listening(grpc={})
    node = opened(state="other", start=False)
    from ecg2lab.edge.config import Configuration, Grpc
    from ecg2lab.edge.inference.grpc import Server

    told = Configuration(grpc=Grpc(port=first.grpc.port))
    with pytest.raises(ConfigurationError, match="grpc: cannot listen on 127.0.0.1"):
        Server(told, tmp_path, node.inference, lambda: True, print)
