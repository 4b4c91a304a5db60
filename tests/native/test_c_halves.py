"""A prediction in its two halves: what the network is given, and the answer that a program's own engine leads to."""

import ctypes
import json
from ctypes import POINTER, byref, c_void_p
from threading import Thread

import msgspec
import numpy as np
import pytest
from native_tools import DEMO, PATIENT
from old_answers import RELEASED

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle.network_inputs import graph_tensors

FP16 = RELEASED / "0.1.0" / "fp16.ecg2lab"
"""Which the engine does not compute; its graph gives no features."""


@pytest.fixture(scope="module")
def computing():
    """Python's native engine, which computes the same numbers as that of C."""
    with ecg2lab.load(DEMO, backend="native", threads=1) as loaded:
        yield loaded


@pytest.fixture
def prepared(model, record):
    status, pointer = model.prepare(record.samples, record.leads, record.fs, patient=PATIENT)
    assert status == 0
    yield pointer
    model.library.ecg2lab_prepared_free(pointer)


@pytest.fixture
def outputs(computing, model, prepared):
    """Logits and features of the prepared windows."""
    return computing.outputs(*model.inputs(prepared))


@pytest.fixture
def without_engine(c_interface, library):
    models = []

    def load(path=DEMO, **options):
        models.append(c_interface.Model(library, path, load="load_without_engine", **options))
        return models[-1]

    yield load
    for loaded in models:
        library.ecg2lab_free(loaded.handle)


def but_for_the_engine(answer):
    document = json.loads(answer.json)
    return document.pop("engine"), document, answer._replace(json=b"")


def test_the_network_is_given_what_pythons_engine_feeds(computing, model, prepared, record, monkeypatch):
    backend, fed = computing.require_open(), []
    run = backend.run
    monkeypatch.setattr(backend, "run", lambda *inputs: fed.append(inputs) or run(*inputs))
    plain = ecg2lab.Recording(record.samples, fs=record.fs, leads=record.leads, unit="mV")
    computing.predict(plain, ecg2lab.Patient(**PATIENT))
    for ours, theirs in zip(model.inputs(prepared), fed[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("load", ["load", "load_without_engine"])
def test_the_halves_give_the_answer_of_predict(c_interface, library, computing, decided, record, load):
    for path in (DEMO, decided):
        model, halves = c_interface.Model(library, path), c_interface.Model(library, path, load=load)
        source = {"patient": "x"}
        asked = (record.samples, record.leads, record.fs, "mV", PATIENT)
        status, prepared = halves.prepare(*asked, source=source)
        output = halves.output(*computing.outputs(*halves.inputs(prepared)), provider=b"mine", device=b"gpu", threads=2)
        ours, whole = halves.decide(prepared, output), model.predict(*asked, source=source)
        said, known, answer = but_for_the_engine(ours)
        engine, expected, whole = but_for_the_engine(whole)
        assert (status, known, answer) == (c_interface.OK, expected, whole)
        assert said == engine | {"backend": "host", "provider": "mine", "device": "gpu", "threads": 2}
        library.ecg2lab_prepared_free(prepared)
        for loaded in (model, halves):
            library.ecg2lab_free(loaded.handle)


def test_who_computed_is_not_claimed_where_nobody_said(model, prepared, outputs):
    engine, *_ = but_for_the_engine(model.decide(prepared, model.output(*outputs)))
    words = engine["backend"], engine["provider"], engine["device"], engine["threads"], engine["precision"]
    assert words == ("host", "not stated", "not stated", 0, "fp32")
    odd = model.decide(prepared, model.output(*outputs, provider=b'a "b\xff\n'))
    assert json.loads(odd.json)["engine"]["provider"] == 'a "b??'


REFUSED = {
    "flat": lambda s, leads: (np.where(np.arange(12)[:, None] == 3, 0.25, s), leads, 500, "mV", PATIENT),
    "short": lambda s, leads: (s[:, :1200], leads, 500, "mV", PATIENT),
    "six leads": lambda s, leads: (s[:6], leads[:6], 500, "mV", PATIENT),
    "a child": lambda s, leads: (s, leads, 500, "mV", {"age": 3}),
    "a child with a flat lead": lambda s, leads: (np.where(np.arange(12)[:, None] == 3, 0.25, s), leads, 500, "mV",
                                                  {"age": 3}),
    "rate": lambda s, leads: (s, leads, 99, "mV", PATIENT),
}  # fmt: skip


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_that_of_predict(model, without_engine, record, change):
    asked = change(record.samples, list(record.leads))
    expected = model.predict(*asked)
    for halves in (model, without_engine()):
        status, prepared = halves.prepare(*asked)
        fields = prepared[0]
        said = halves.library.ecg2lab_last_error()
        assert (status, said.decode()) == (expected.status, expected.message)
        assert (fields.status, fields.message, fields.refusal) == (status, said, expected.refusal)
        assert fields.window_count == 0
        assert fields.signal
        assert fields.continuous
        assert fields.categorical
        verdicts = {fields.leads[i][0].name.decode(): fields.leads[i][0].verdict for i in range(fields.lead_count)}
        assert verdicts == expected.leads
        assert [fields.faults[i][0].message.decode() for i in range(fields.fault_count)] == [
            fault[-1] for fault in expected.faults
        ]
        assert halves.decide(prepared) == expected
        halves.library.ecg2lab_prepared_free(prepared)


def test_the_graph_is_the_bundles(model):
    opened, graph = bundles.Bundle.open(DEMO), model.graph()
    assert ctypes.string_at(graph.content, graph.content_size) == bytes(opened.member(bundles.WINDOW_GRAPH))
    tensors = graph_tensors(opened.contract, opened.features)
    shapes = {
        graph.signal: (graph.lead_count, graph.window_samples),
        graph.continuous: (graph.continuous_count,),
        graph.categorical: (graph.categorical_count,),
        graph.logits: (graph.logit_count,),
        graph.features: (graph.feature_count,),
    }
    assert {name.decode(): shape for name, shape in shapes.items()} == {k: shape for k, (shape, _) in tensors.items()}
    assert graph.precision == b"fp32"
    assert not model.library.ecg2lab_window_graph(None)


def test_a_bundle_that_the_engine_cannot_compute_is_answered(c_interface, library, without_engine, record):
    assert c_interface.Model(library, FP16).status == c_interface.BACKEND
    halves = without_engine(FP16)
    assert halves.status == c_interface.OK
    assert (halves.graph().precision, halves.graph().features) == (b"fp16", None)
    _, prepared = halves.prepare(record.samples, record.leads, record.fs, patient=PATIENT)
    with ecg2lab.load(FP16, backend="onnxruntime", threads=1) as engine:
        logits, features = engine.outputs(*halves.inputs(prepared))
        assert features is None
        ours = halves.decide(prepared, halves.output(logits))
        plain = ecg2lab.Recording(record.samples, fs=record.fs, leads=record.leads, unit="mV")
        theirs = engine.predict(plain, ecg2lab.Patient(**PATIENT))
    assert [said.probability for said in ours.findings.values()] == [f.probability for f in theirs.findings]
    assert json.loads(ours.json)["engine"]["precision"] == "fp16"
    library.ecg2lab_prepared_free(prepared)


def test_bundles_of_another_architecture_or_without_the_engine_load(c_interface, library, without_engine, tmp_path):
    opened = bundles.Bundle.open(DEMO)
    members = {name: bytes(opened.member(name)) for name in opened.manifest.members}
    other = msgspec.structs.replace(opened.manifest, architecture="convolution")
    proof = json.loads(members["parity.json"])
    proof["left_out"]["native"] = "a logit is wrong"
    left_out = members | {"parity.json": json.dumps(proof).encode()}
    path = tmp_path / "other.ecg2lab"
    for manifest, contents, status in ((other, members, c_interface.BUNDLE),
                                       (opened.manifest, left_out, c_interface.BACKEND)):  # fmt: skip
        path.write_bytes(bundles.seal(manifest, contents))
        assert c_interface.Model(library, path).status == status
        assert without_engine(path).status == c_interface.OK


def test_without_an_engine_nothing_is_predicted(c_interface, library, without_engine, record):
    halves = without_engine(threads=0)
    description = library.ecg2lab_describe(halves.handle)[0]
    assert (description.precision, description.instruction_set, description.threads) == (b"fp32", b"", 0)
    status, said = halves.predict(record.samples, record.leads, record.fs)
    assert status == c_interface.BACKEND
    assert said.startswith("this model was loaded without an engine: ")
    stream = c_interface.Stream(halves, record.leads, record.fs)
    assert (stream.status, stream.message) == (c_interface.BACKEND, said)
    assert without_engine(precision=b"bf16").status == c_interface.BACKEND
    assert b"'bf16' is not that of this bundle's graph, which is fp32" in library.ecg2lab_last_error()


def test_refusals_are_logged_once(c_interface, without_engine, record):
    lines = []
    log = c_interface.LOG(lambda _user, _level, message: lines.append(message.decode()))
    halves = without_engine(log=log)
    assert lines.pop().endswith(", fp32, without an engine")
    status, prepared = halves.prepare(record.samples[:6], record.leads[:6], record.fs)
    assert halves.decide(prepared).status == status
    assert lines == ["refused: " + prepared[0].message.decode()]
    halves.library.ecg2lab_prepared_free(prepared)


def spoilt(numbers, value):
    copy = np.array(numbers)
    copy.flat[-1] = value
    return copy


MISTAKES = {
    "no logits": (lambda m, x: m.output(None, x.features), "logits is NULL: hand in"),
    "a window less": (lambda m, x: m.output(x.logits[1:], x.features), "for each of the windows, which are 4"),
    "a logit more": (lambda m, x: m.output(x.logits, x.features, logit_count=x.logits.size + 1), "logits and not"),
    "no numbers": (lambda m, x: m.output(x.logits, x.features, logit_count=0), "there are 0 logits and not"),
    "no features": (lambda m, x: m.output(x.logits), "features is NULL: hand in"),
    "uncounted features": (lambda m, x: m.output(x.logits, feature_count=5),
                           "feature_count is not 0"),
    "a feature less": (lambda m, x: m.output(x.logits, x.features[:, 1:]), "features and not"),
    "size": (lambda m, x: m.output(x.logits, x.features, struct_size=8), "ecg2lab_output: struct_size is 8"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_numbers_that_cannot_be_meant_are_refused(c_interface, model, prepared, outputs, make, message):
    status, said = model.decide(prepared, make(model, outputs))
    assert status == c_interface.ARGUMENT
    assert message in said
    assert model.decide(prepared, model.output(*outputs)).status == c_interface.OK


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(c_interface, model, prepared, outputs, value):
    for name in ("logits", "features"):
        odd = outputs._asdict()
        odd[name] = spoilt(odd[name], value)
        status, said = model.decide(prepared, model.output(**odd))
        assert status == c_interface.BACKEND
        assert said == (
            f"the network's output cannot be used: its {name} are not finite; compare the program's runtime with "
            "ecg2lab_predict, and take another provider or a bundle in fp32"
        )


def test_null_pointers_are_refused(c_interface, library, model, prepared, record):
    c, none, result = c_interface, POINTER(c_interface.Prepared)(), POINTER(c_interface.Result)()
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    for call in (
        lambda: library.ecg2lab_prepare(None, byref(recording), None, byref(none)),
        lambda: library.ecg2lab_prepare(model.handle, None, None, byref(none)),
        lambda: library.ecg2lab_prepare(model.handle, byref(recording), None, None),
        lambda: library.ecg2lab_output_init(None, ctypes.sizeof(c.Output)),
        lambda: library.ecg2lab_decide(None, None, byref(result)),
        lambda: library.ecg2lab_decide(prepared, None, byref(result)),
        lambda: library.ecg2lab_decide(prepared, None, None),
        lambda: library.ecg2lab_load_without_engine(None, None, byref(c_void_p())),
        lambda: library.ecg2lab_load_without_engine(str(DEMO).encode(), None, None),
    ):
        assert call() == c.ARGUMENT
        assert library.ecg2lab_last_error().endswith(b" is NULL")
    library.ecg2lab_prepared_free(none)


def test_what_was_prepared_outlives_its_model_and_a_result_both(c_interface, library, computing, record):
    halves = c_interface.Model(library, DEMO, load="load_without_engine")
    _, prepared = halves.prepare(record.samples, record.leads, record.fs, patient=PATIENT)
    output = halves.output(*computing.outputs(*halves.inputs(prepared)))
    library.ecg2lab_free(halves.handle)
    result = POINTER(c_interface.Result)()
    assert library.ecg2lab_decide(prepared, byref(output), byref(result)) == c_interface.OK
    library.ecg2lab_prepared_free(prepared)
    assert halves.taken(c_interface.OK, result).findings


def test_threads_may_decide_of_one_prepared_recording(model, prepared, outputs):
    """Each from logits of its own."""
    answers = {}

    def decide(shift):
        given = model.output(outputs.logits + np.float32(shift), outputs.features)
        answers[shift] = {model.decide(prepared, given).json for _ in range(20)}

    threads = [Thread(target=decide, args=(shift,)) for shift in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(said) for said in answers.values()] == [1, 1]
    assert answers[0] != answers[1]
