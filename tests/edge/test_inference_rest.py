"""The Open Inference Protocol over HTTP: what a program of another maker asks, and what nobody should."""

import gzip
import hashlib
import json
import threading
import zlib

import httpx
import numpy as np
import pytest
from edge_server import listening_node
from windows import DATATYPES, draw_windows

tritonclient = pytest.importorskip("tritonclient.http")


@pytest.fixture(scope="module")
def ward(tmp_path_factory):
    with listening_node(tmp_path_factory.mktemp("ward"), workers=2, limits={"body_mb": 1, "windows": 8}) as server:
        yield server


@pytest.fixture
def program(ward):
    with tritonclient.InferenceServerClient(f"127.0.0.1:{ward.http_port}", concurrency=4) as client:
        yield client


@pytest.fixture
def http(ward):
    with httpx.Client(base_url=f"http://127.0.0.1:{ward.http_port}") as client:
        yield client


@pytest.fixture
def windows(ward):
    return draw_windows(ward.node.engine.contract, 3)


def tensors(windows, binary=True, client=tritonclient):
    told = []
    for name, array in windows.items():
        told.append(client.InferInput(name, array.shape, DATATYPES[name]))
        told[-1].set_data_from_numpy(array, binary_data=binary)
    return told


def request_of(windows):
    """In JSON."""
    return {
        "inputs": [
            {"name": name, "shape": array.shape, "datatype": DATATYPES[name], "data": array.tolist()}
            for name, array in windows.items()
        ]
    }


def with_bytes(windows, change=lambda told: None, rest=b""):
    """A body with the tensors behind the JSON, and its headers."""
    told = {
        "inputs": [
            {
                "name": name,
                "shape": list(array.shape),
                "datatype": DATATYPES[name],
                "parameters": {"binary_data_size": array.nbytes},
            }
            for name, array in windows.items()
        ]
    }
    change(told)
    text = json.dumps(told).encode()
    behind = b"".join(array.tobytes() for array in windows.values())
    return text + behind + rest, {"Inference-Header-Content-Length": str(len(text))}


INFER = "/v2/models/demo/infer"


def test_a_program_finds_out_what_serves(program, ward):
    info, contract = ward.node.engine.info, ward.node.engine.contract
    assert program.is_server_live()
    assert program.is_server_ready()
    assert program.is_model_ready("demo")
    assert program.is_model_ready("demo", "1")
    assert not program.is_model_ready("demo", "2")
    assert not program.is_model_ready("other")
    assert program.get_server_metadata()["version"] == info.versions["ecg2lab"]
    told = program.get_model_metadata("demo", "1")
    assert told["versions"] == ["1"]
    shapes = {tensor["name"]: (tensor["datatype"], tensor["shape"]) for tensor in told["inputs"] + told["outputs"]}
    leads, columns = len(contract.signal.leads), contract.static_inputs
    assert shapes == {
        "signal": ("FP32", [-1, leads, contract.signal.window_samples]),
        "continuous": ("FP32", [-1, len(columns.continuous)]),
        "categorical": ("INT64", [-1, len(columns.categorical)]),
        "logits": ("FP32", [-1, len(contract.targets)]),
        "features": ("FP32", [-1, ward.node.engine.features(*draw_windows(contract, 1).values()).shape[1]]),
    }


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_answers_are_those_of_the_engine(program, ward, windows, binary_in, binary_out, compression):
    outputs = (
        None
        if binary_out is None
        else [tritonclient.InferRequestedOutput(name, binary_data=binary_out) for name in ("features", "logits")]
    )
    answer = program.infer(
        "demo", tensors(windows, binary_in), outputs=outputs, request_id="7", request_compression_algorithm=compression
    )
    right = ward.node.engine.outputs(*windows.values())
    np.testing.assert_array_equal(answer.as_numpy("logits"), right.logits)
    np.testing.assert_array_equal(answer.as_numpy("features"), right.features)
    said = answer.get_response()
    assert (said["model_name"], said["model_version"], said["id"]) == ("demo", "1", "7")
    info = ward.node.engine.info
    assert said["parameters"] == {"notice": info.notice, "bundle_digest": info.bundle_digest}


@pytest.mark.parametrize("count", [1, 8])
def test_one_output_alone_can_be_asked_for(program, ward, count):
    """By a client that would take it compressed."""
    windows = draw_windows(ward.node.engine.contract, count, seed=count)
    wanted = [tritonclient.InferRequestedOutput("logits")]
    answer = program.infer("demo", tensors(windows), outputs=wanted, response_compression_algorithm="gzip")
    np.testing.assert_array_equal(answer.as_numpy("logits"), ward.node.engine.run(*windows.values()))
    assert answer.as_numpy("features") is None


def test_several_ask_at_once_and_answers_do_not_mix(ward):
    contract = ward.node.engine.contract
    said = {}

    def ask(number):
        windows = draw_windows(contract, 1 + number % 3, seed=number)
        with tritonclient.InferenceServerClient(f"127.0.0.1:{ward.http_port}") as client:
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


@pytest.mark.parametrize("flat", [True, False])
def test_plain_json_is_enough(http, ward, windows, flat):
    told = request_of(windows)
    if flat:
        for part, array in zip(told["inputs"], windows.values(), strict=True):
            part["data"] = array.ravel().tolist()
    answer = http.post("/v2/models/demo/versions/1/infer", json=told)
    assert answer.status_code == 200
    outputs = {part["name"]: np.array(part["data"], "f4").reshape(part["shape"]) for part in answer.json()["outputs"]}
    np.testing.assert_array_equal(outputs["logits"], ward.node.engine.run(*windows.values()))
    assert "id" not in answer.json()


def change(tensor=None, **fields):
    """A request in JSON, otherwise."""

    def changed(told):
        (told if tensor is None else told["inputs"][tensor]).update(fields)
        return told

    return changed


def without(name):
    def changed(told):
        told["inputs"] = [part for part in told["inputs"] if part["name"] != name]
        return told

    return changed


def one_value(value):
    def changed(told):
        told["inputs"][1]["data"][0][0] = value
        return told

    return changed


def twice(told):
    told["inputs"].append(told["inputs"][0])
    return told


WRONG = {
    "no inputs": (lambda told: {}, "inputs"),
    "inputs none": (change(inputs=[]), "no input signal, continuous, categorical"),
    "missing": (without("continuous"), "no input continuous"),
    "twice": (twice, "signal is there twice"),
    "other name": (change(0, name="ecg"), "no input of that name; these are: signal, continuous, categorical"),
    "name is a number": (change(0, name=1), "name"),
    "FP64": (change(0, datatype="FP64"), "signal must have the datatype FP32"),
    "INT32": (change(2, datatype="INT32"), "categorical must have the datatype INT64"),
    "BYTES": (change(0, datatype="BYTES"), "FP32"),
    "no shape": (change(0, shape=[]), "must have the shape [windows, 12, 250]"),
    "other shape": (change(0, shape=[3, 250, 12]), "must have the shape [windows, 12, 250]"),
    "negative": (change(0, shape=[-3, 12, 250]), "shape"),
    "beyond any": (change(0, shape=[2**63, 12, 250]), "shape"),
    "overflow": (change(0, shape=[2**31 - 1, 12, 250]), "1 to 8 windows"),
    "many dimensions": (change(0, shape=[1] * 1000), "shape"),
    "float": (change(0, shape=[3.0, 12, 250]), "shape"),
    "none": (change(0, shape=[0, 12, 250], data=[]), "1 to 8 windows"),
    "batches differ": (change(2, shape=[2, 2], data=[0, 0, 0, 0]), "batches differ"),
    "too few numbers": (change(0, data=[0.0]), "1 numbers, not 9000"),
    "ragged": (change(1, data=[[0.0], [0.0, 1.0], []]), "not of its shape"),
    "nested too deep": (change(2, data=[[[0, 0]]]), "cannot be read"),
    "no data": (change(0, data=None), "cannot be read"),
    "text": (change(0, data="0"), "cannot be read"),
    "numbers as text": (change(2, data=["0", "0", "0", "0", "0", "0"]), "cannot be read"),
    "truth": (one_value(True), "cannot be read"),
    "null": (one_value(None), "cannot be read"),
    "too large for FP32": (one_value(1e39), "not finite"),
    "too large for INT64": (change(2, data=[2**63, 0, 0, 0, 0, 0]), "not of its shape and datatype"),
    "a float as a code": (change(2, data=[0.5, 0, 0, 0, 0, 0]), "cannot be read"),
    "no such code": (change(2, data=[9, 0, 0, 0, 0, 0]), "code outside"),
    "negative code": (change(2, data=[-1, 0, 0, 0, 0, 0]), "code outside"),
    "size and no bytes": (change(0, parameters={"binary_data_size": 36000}), "either data or binary_data_size"),
    "shared memory": (change(0, parameters={"shared_memory_region": "r"}), "shared memory is not read"),
    "sequence": (change(parameters={"sequence_id": 7}), "/v1/streams"),
    "output": (change(outputs=[{"name": "potassium"}]), "no output of that name; these are: logits, features"),
    "output twice": (change(outputs=[{"name": "logits"}] * 2), "logits is there twice"),
    "classes": (change(outputs=[{"name": "logits", "parameters": {"classification": 3}}]), "not ranked"),
    "binary_data": (change(outputs=[{"name": "logits", "parameters": {"binary_data": "yes"}}]), "true or false"),
    "id": (change(id=1), "id"),
    "a list": (lambda told: [told], "object"),
}


@pytest.mark.parametrize(("changed", "said"), WRONG.values(), ids=WRONG)
def test_a_request_that_does_not_fit_is_refused_in_words(http, windows, changed, said):
    answer = http.post(INFER, json=changed(request_of(windows)))
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert said in answer.json()["error"]


def sized(tensor, size):
    return lambda told: told["inputs"][tensor]["parameters"].update(binary_data_size=size)


LIES = {
    "beyond the body": (sized(0, 10**6), "no number of bytes that the body still has"),
    "overflow": (sized(0, 2**64), "no number of bytes"),
    "negative": (sized(0, -36000), "no number of bytes"),
    "float": (sized(0, 36000.0), "no number of bytes"),
    "text": (sized(0, "36000"), "no number of bytes"),
    "truth": (sized(0, True), "no number of bytes"),
    "too small": (sized(0, 35996), "35996 bytes, and one of its shape has 36000"),
    "nothing": (sized(0, 0), "0 bytes, and one of its shape has 36000"),
    "too large": (sized(0, 36004), "36004 bytes, and one of its shape has 36000"),
    "of the next": (sized(1, 168), "168 bytes, and one of its shape has 120"),
    "data as well": (lambda told: told["inputs"][0].update(data=[]), "either data or binary_data_size"),
}


@pytest.mark.parametrize(("lie", "said"), LIES.values(), ids=LIES)
def test_a_size_that_lies_is_refused(http, windows, lie, said):
    body, headers = with_bytes(windows, lie)
    answer = http.post(INFER, content=body, headers=headers)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert said in answer.json()["error"]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        ("0", "says 0"),
        ("1000000", "says 1000000"),
        ("-1", "must be a number of bytes"),
        ("1e3", "must be a number of bytes"),
        ("9" * 30, "must be a number of bytes"),
        ("", "must be a number of bytes"),
        ("10", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_a_length_of_json_that_lies_is_refused(http, windows, length, said):
    body, _ = with_bytes(windows)
    headers = {} if length is None else {"Inference-Header-Content-Length": length}
    answer = http.post(INFER, content=body, headers=headers)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_bytes_behind_the_last_tensor_are_refused(http, windows):
    body, headers = with_bytes(windows, rest=b"x")
    answer = http.post(INFER, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "the body has 1 bytes behind the last tensor")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["signal", "continuous"])
def test_what_is_not_finite_is_refused(program, windows, name, value):
    windows[name].flat[-1] = value
    with pytest.raises(tritonclient.InferenceServerException, match=f"{name} has values that are not finite"):
        program.infer("demo", tensors(windows))


@pytest.mark.parametrize(
    ("content", "encoding", "status", "said"),
    [
        (b"{}", "br", 400, "gzip or deflate"),
        (b"{}", "gzip, gzip", 400, "gzip or deflate"),
        (b"{}", "gzip", 400, "no gzip"),
        (b"{}", "deflate", 400, "no deflate"),
        (gzip.compress(b"{}")[:-1], "gzip", 400, "not one whole gzip"),
        (gzip.compress(b"{}") + b"x", "gzip", 400, "not one whole gzip"),
        (gzip.compress(b"{}") * 2, "gzip", 400, "not one whole gzip"),
        (zlib.compress(b""), "deflate", 400, "cannot be read"),
        (gzip.compress(bytes(100 << 20)), "gzip", 413, "larger than 1 MB"),
        (zlib.compress(bytes((1 << 20) + 1)), "deflate", 413, "larger than 1 MB"),
    ],
)
def test_a_compressed_body_that_is_none_is_refused(http, content, encoding, status, said):
    answer = http.post(INFER, content=content, headers={"content-encoding": encoding})
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert said in answer.json()["error"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"inputs": ' + b"[" * 100_000, b"null"])
def test_a_body_that_is_no_json_is_refused(http, content):
    answer = http.post(INFER, content=content)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize("parts", [[bytes((1 << 20) + 1)], [bytes(1 << 16)] * 17], ids=["whole", "in chunks"])
def test_a_body_too_large_is_refused_in_the_protocols_form(http, parts):
    answer = http.post(INFER, content=parts[0] if len(parts) == 1 else iter(parts))
    assert answer.status_code == 413
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("GET", "/v2/models/demo/versions/2", 404),
        ("GET", "/v2/models/demo/versions/01/ready", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v2/models/demo/versions/2/infer", 404),
        ("POST", "/v2/models/de%2Fmo/infer", 404),
        ("GET", "/v2/models/demo/config", 404),
        ("GET", "/v2/models/demo/stats", 404),
        ("POST", "/v2/repository/index", 404),
        ("GET", "/v2/systemsharedmemory/status", 404),
        ("GET", "/v2/x", 404),
        ("GET", INFER, 405),
        ("POST", "/v2", 405),
    ],
)
def test_what_is_not_there_is_said_in_the_protocols_form(http, method, path, status):
    answer = http.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert isinstance(answer.json()["error"], str)


def test_a_client_is_told_in_words_what_is_not_served(program):
    for ask in (program.get_model_repository_index, lambda: program.get_model_config("demo")):
        with pytest.raises(tritonclient.InferenceServerException, match="not served here"):
            ask()


def test_beyond_so_many_requests_at_once_more_are_refused(http, ward, windows, monkeypatch):
    monkeypatch.setattr(ward.node.inference, "_room", threading.BoundedSemaphore(1))
    with ward.node.inference.taken("rest", "cart"):
        answer = http.post(INFER, json=request_of(windows))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "again" in answer.json()["error"]
    assert http.post(INFER, json=request_of(windows)).status_code == 200


@pytest.mark.parametrize("error", [RuntimeError("Mrs Miller"), MemoryError()])
def test_a_fault_of_ours_is_an_error_without_words_about_the_patient(http, ward, windows, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(ward.node.engine, "outputs", fail)
    answer = http.post(INFER, json=request_of(windows))
    assert answer.status_code == 500
    assert answer.json() == {"error": "a fault in ecg2lab; please report it"}


def test_a_model_that_is_called_otherwise_and_only_watched(listening, windows):
    server = listening(model_name="labs", mode="shadow")
    with httpx.Client(base_url=f"http://127.0.0.1:{server.http_port}") as http:
        assert http.get("/v2/models/labs").json()["name"] == "labs"
        assert http.get("/v2/models/demo").status_code == 404
        assert http.post("/v2/models/labs/infer", json=request_of(windows)).status_code == 200


def test_a_client_shows_its_token(listening, windows):
    digest = hashlib.sha256(b"t").hexdigest()
    server = listening(tokens=[{"name": "scorer", "sha256": digest, "scopes": ["send"]}])
    with tritonclient.InferenceServerClient(f"127.0.0.1:{server.http_port}") as program:
        assert program.is_server_ready()
        assert not program.is_model_ready("demo")
        with pytest.raises(tritonclient.InferenceServerException, match="this needs a token") as refused:
            program.infer("demo", tensors(windows))
        assert refused.value.status() == "401"
        answer = program.infer("demo", tensors(windows), headers={"Authorization": "Bearer t"})
    np.testing.assert_array_equal(answer.as_numpy("logits"), server.node.engine.run(*windows.values()))


def test_requests_are_counted_and_who_asks_is_noted_once(listening, windows, wait_until):
    digest = hashlib.sha256(b"t").hexdigest()
    server = listening(tokens=[{"name": "scorer", "sha256": digest, "scopes": ["send"]}])
    with httpx.Client(base_url=f"http://127.0.0.1:{server.http_port}", headers={"authorization": "Bearer t"}) as http:
        for told in (request_of(windows), request_of(windows), {}):
            http.post(INFER, json=told)
    text = server.node.metrics.text().decode()
    assert 'ecg2lab_inference_requests_total{outcome="answered",protocol="rest"} 2.0' in text
    assert 'ecg2lab_inference_requests_total{outcome="refused",protocol="rest"} 1.0' in text
    assert 'ecg2lab_inference_windows_total{protocol="rest"} 6.0' in text
    rows = wait_until(lambda: server.node.ledger._store.read("SELECT who, what FROM audit"))
    assert [tuple(row) for row in rows] == [("scorer", "asked for logits")]
