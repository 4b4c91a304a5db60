"""What ABI version 4 added: memory, quality alone, selftest, explanation, deadlines, hooks, codes and messages."""

import ctypes
import json
import math
import threading
import time
from ctypes import POINTER, byref, c_size_t, c_void_p

import msgspec
import numpy as np
import pytest
from c_interface import NUMBERS
from native_tools import DEMO, PATIENT, ROOT
from safetensors.numpy import load, save

import ecg2lab
from c_header import read_header
from ecg2lab import bundle as bundles
from ecg2lab import selftest
from ecg2lab.backends.native import computes
from ecg2lab.bundle import GOLDEN, Bundle

FOREVER = (0, math.inf, 1e300)


@pytest.fixture(scope="module")
def native():
    with ecg2lab.load(DEMO, backend="native", threads=1) as loaded:
        yield loaded


@pytest.fixture
def asked(c_interface, model, record):
    """A recording and a patient, ready for any call."""
    recording, kept = model.recording(record.samples, record.leads, record.fs, "mV")
    patient = model.patient(**PATIENT)
    yield recording, patient
    del kept


def call_of(c_interface, library, deadline_s=0.0, cancel=None):
    call = c_interface.Call()
    assert library.ecg2lab_call_init(byref(call), ctypes.sizeof(call)) == c_interface.OK
    assert (call.deadline_s, call.cancel) == (0, None)
    call.deadline_s, call.cancel = deadline_s, cancel
    return call


@pytest.fixture
def cancel(library):
    handle = c_void_p()
    assert library.ecg2lab_cancel_new(byref(handle)) == 0
    yield handle
    library.ecg2lab_cancel_free(handle)


# ---- Memory ----


def from_memory(c_interface, library, content, name=None, size=None):
    handle = c_void_p()
    held = ctypes.create_string_buffer(content, len(content)) if content is not None else None
    status = library.ecg2lab_load_memory(held, len(content or b"") if size is None else size, name, None, byref(handle))
    if held is not None:
        ctypes.memset(held, 0xAA, len(content))  # what was handed in is the caller's
    return status, handle


@pytest.mark.parametrize("name", [None, b"in the program", "größer.ecg2lab".encode()])
def test_a_model_in_memory_answers_as_its_file_does(c_interface, library, model, asked, name):
    status, handle = from_memory(c_interface, library, DEMO.read_bytes(), name)
    assert status == c_interface.OK
    recording, patient = asked
    result = POINTER(c_interface.Result)()
    assert library.ecg2lab_predict(handle, byref(recording), byref(patient), byref(result)) == c_interface.OK
    library.ecg2lab_free(handle)
    expected = json.loads(model.taken(*model.ask(recording, patient)).json)
    answer = json.loads(model.taken(c_interface.OK, result).json)
    assert answer["engine"].pop("bundle") == (b"memory" if name is None else name).decode()
    del expected["engine"]["bundle"]
    assert answer == expected


@pytest.mark.parametrize(
    ("content", "size", "status", "said"),
    [
        (None, 0, "ARGUMENT", "content is NULL"),
        (b"", None, "BUNDLE", "memory"),
        (b"no bundle at all", None, "BUNDLE", "memory"),
        (DEMO.read_bytes()[:-1], None, "BUNDLE", "memory"),
        (b"x", 2**40, "BUNDLE", "memory is larger than any bundle"),
    ],
)
def test_what_is_no_model_in_memory_is_refused(c_interface, library, content, size, status, said):
    got, handle = from_memory(c_interface, library, content, size=size)
    assert (got, handle.value) == (getattr(c_interface, status), None)
    assert said in library.ecg2lab_last_error().decode()


# ---- Quality alone ----


def spoilt(record, **leads):
    samples = record.samples.copy()
    for lead, value in leads.items():
        samples[record.leads.index(lead)] = value
    return samples


def judged(c_interface, model, samples, leads, fs, **more):
    recording, _kept = model.recording(samples, leads, fs, "mV", **more)
    result = POINTER(c_interface.Result)()
    status = model.library.ecg2lab_judge(model.handle, byref(recording), byref(result))
    return model.taken(status, result)


@pytest.mark.parametrize(
    ("change", "fs"),
    [({}, 500), ({"V1": math.nan}, 500), ({"V2": 0.25, "V3": 0.5}, 500), ({"I": 100.0}, 500), ({}, 2500), ({}, 50)],
    ids=["good", "empty", "flat", "contradicting", "too short", "a rate that is refused"],
)
def test_a_recording_is_judged_as_in_an_answer(c_interface, model, record, change, fs):
    samples = spoilt(record, **change)
    alone = judged(c_interface, model, samples, record.leads, fs, source={"order": "7"})
    answer = model.predict(samples, record.leads, fs, patient={"age": 63, "sex": "female"}, source={"order": "7"})
    kept = ("status", "message", "messages", "refusal", "leads", "quality", "faults", "figures", "source", "digest")
    assert {name: getattr(alone, name) for name in kept} == {name: getattr(answer, name) for name in kept}
    assert (alone.findings, alone.imputed, alone.windows, alone.unused_s) == ({}, {}, 0, 0)
    document, whole = json.loads(alone.json), json.loads(answer.json)
    assert list(document) == ["record", "error", "quality", "schema_version"]
    assert document["error"] == whole.get("error")
    if alone.quality is not None:
        assert document["quality"] == (whole["recording"]["quality"] if "recording" in whole else whole["quality"])


def test_a_model_without_engine_judges(c_interface, library, record):
    loaded = c_interface.Model(library, DEMO, load="load_without_engine")
    assert judged(c_interface, loaded, record.samples, record.leads, record.fs).status == c_interface.OK
    library.ecg2lab_free(loaded.handle)


# ---- Selftest ----


def selftested(c_interface, library, handle, call=None):
    report = POINTER(c_interface.SelftestReport)()
    status = library.ecg2lab_selftest(handle, call, byref(report))
    said = library.ecg2lab_last_error().decode()
    if not report:
        return status, said
    r = report[0]
    assert (status, said) == (r.status, r.message.decode())
    assert c_interface.copy_messages(r.messages, r.message_count)[1] == said
    checks = {
        (x.quantity.decode(), x.batch): (x.error, x.tolerance, bool(x.passed))
        for x in (r.checks[i][0] for i in range(r.check_count))
    }
    answer = status, bool(r.passed), r.window_count, checks, said
    library.ecg2lab_selftest_report_free(report)
    return answer


@pytest.mark.parametrize("precision", [None, "bf16"])
def test_the_selftest_is_pythons(c_interface, library, native, precision):
    """Errors and limits of the same windows, batch by batch."""
    opened = Bundle.open(DEMO)
    if precision is not None and precision not in opened.manifest.gates:
        pytest.skip(f"the demo model has no gate for {precision}")
    if precision is not None and not computes(precision):
        pytest.skip(f"this CPU lacks the instructions for {precision}")
    options = {} if precision is None else {"precision": precision.encode()}
    loaded = c_interface.Model(library, DEMO, **options)
    assert loaded.status == c_interface.OK, library.ecg2lab_last_error()
    status, passed, windows, checks, said = selftested(c_interface, library, loaded.handle)
    library.ecg2lab_free(loaded.handle)
    assert (status, passed, said) == (c_interface.OK, True, "")
    form = "native" if precision is None else f"native, {precision}"
    expected = {
        (check.quantity, int(check.case.removeprefix("batch "))): (check.error, check.tolerance)
        for check in selftest.run(opened, only="native").checks
        if check.backend == "native" and check.form == form and check.case.startswith("batch")
    }
    assert windows == max(batch for _, batch in checks)
    assert checks.keys() == expected.keys()
    for what, (error, tolerance, good) in checks.items():
        assert good
        assert (error, tolerance) == pytest.approx(expected[what], rel=1e-6, abs=1e-12)


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    """A bundle with other golden windows."""
    opened = Bundle.open(DEMO)

    def write(change):
        tensors = {name: array.copy() for name, array in load(bytes(opened.member(GOLDEN))).items()}
        change(tensors)
        path = tmp_path_factory.mktemp("golden") / "model.ecg2lab"
        members = {name: opened.member(name) for name in opened.manifest.members}
        bundles.write(path, opened.manifest, members | {GOLDEN: save(tensors)})
        return path

    return write


def one_off(tensors):
    tensors["logits"][-1, -1] += 1e-3


def not_a_number(tensors):
    tensors["features"][0, 0] = np.nan


@pytest.mark.parametrize("change", [one_off, not_a_number])
def test_a_device_that_computes_wrong_is_named(c_interface, library, rewritten, change):
    loaded = c_interface.Model(library, rewritten(change))
    assert loaded.status == c_interface.OK, library.ecg2lab_last_error()
    status, passed, _, checks, said = selftested(c_interface, library, loaded.handle)
    assert (status, passed) == (c_interface.BACKEND, False)
    assert said.startswith("this device does not compute the model right: its ")
    (message,) = loaded.last_messages()
    assert message.code == "selftest.failed"
    assert not all(good for *_, good in checks.values())
    library.ecg2lab_free(loaded.handle)


def test_golden_windows_that_do_not_fit_are_a_fault_of_the_bundle(c_interface, library, rewritten):
    loaded = c_interface.Model(library, rewritten(lambda tensors: tensors.pop("continuous")))
    if loaded.status == c_interface.OK:
        status, said = selftested(c_interface, library, loaded.handle)
        assert (status, "continuous does not fit the contract" in said) == (c_interface.BUNDLE, True)
    else:
        assert loaded.status == c_interface.BUNDLE
    library.ecg2lab_free(loaded.handle)


def test_a_model_without_engine_has_no_selftest(c_interface, library):
    loaded = c_interface.Model(library, DEMO, load="load_without_engine")
    assert selftested(c_interface, library, loaded.handle)[0] == c_interface.BACKEND
    library.ecg2lab_free(loaded.handle)


# ---- Explanation ----


def explained(c_interface, model, recording, patient, targets=None, segment_s=None, call=None):
    options = c_interface.ExplainOptions()
    assert model.library.ecg2lab_explain_options_init(byref(options), ctypes.sizeof(options)) == 0
    if targets is not None:
        options.targets, options.target_count = c_interface.words(targets), len(targets)
    if segment_s is not None:
        options.segment_s = segment_s
    result = POINTER(c_interface.Result)()
    status = model.library.ecg2lab_explain(
        model.handle, byref(recording), None if patient is None else byref(patient), byref(options), call, byref(result)
    )
    return status, result


@pytest.mark.parametrize("facts", [PATIENT, None], ids=["facts", "none"])
def test_an_explanation_is_pythons(c_interface, library, model, native, record, facts):
    """To the last bit: both take parts away, and put effects together, by the same code."""
    targets = [native.contract.targets[i].name for i in (3, 0)]
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    patient = None if facts is None else model.patient(**facts)
    status, result = explained(c_interface, model, recording, patient, targets, 0.5)
    assert status == c_interface.OK
    known = None if facts is None else ecg2lab.Patient(**facts)
    unknown = ecg2lab.Recording(record.samples, fs=record.fs, leads=record.leads, unit="mV")  # no facts of its file
    expected = native.explain(unknown, known, targets, segment_s=0.5)
    document = json.loads(library.ecg2lab_result_json(result))
    assert document["explanations"] == json.loads(msgspec.json.encode(expected))
    r = result[0]
    assert r.explanation_count == 2
    for pointer, python in zip(r.explanations[:2], expected, strict=True):
        x = pointer[0]
        assert (x.target[0].name.decode(), x.logit, x.probability) == (python.target, python.logit, python.probability)
        for name in ("lead", "fact"):
            shown = [getattr(x, f"{name}s")[i][0] for i in range(getattr(x, f"{name}_count"))]
            assert [(e.part.decode(), e.logit, e.probability) for e in shown] == [
                (e.part, e.logit, e.probability) for e in getattr(python, f"{name}s")
            ]
        assert [x.segments[i][0].start_s for i in range(x.segment_count)] == [s.start_s for s in python.segments]
        assert x.ecg[0].probability == python.ecg.probability
        assert bool(x.patient) == (python.patient is not None)
    findings = model.taken(status, result).findings
    assert findings == model.taken(*model.ask(recording, patient)).findings


def test_every_target_is_explained_unless_some_are_named(c_interface, model, native, asked):
    status, result = explained(c_interface, model, *asked, segment_s=2.5)
    assert (status, result[0].explanation_count) == (c_interface.OK, len(native.contract.targets))
    model.library.ecg2lab_result_free(result)
    status, result = explained(c_interface, model, *asked, targets=[])
    assert (status, result[0].explanation_count) == (c_interface.OK, 0)
    model.library.ecg2lab_result_free(result)


def test_a_refused_recording_is_not_explained(c_interface, model, record):
    recording, _kept = model.recording(spoilt(record, V1=math.nan), record.leads, record.fs, "mV")
    status, result = explained(c_interface, model, recording, None)
    assert (status, result[0].explanation_count) == (c_interface.QUALITY, 0)
    assert model.taken(status, result).refusal


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"targets": ["nonsense"]}, "the model has no target nonsense"),
        ({"targets": [None]}, "target 0 is NULL"),
        *(({"segment_s": s}, "a segment is 0.01 s") for s in (0, -1, 0.009, 2.51, math.nan, math.inf)),
    ],
)
def test_what_cannot_be_explained_is_a_mistake(c_interface, model, asked, options, said):
    status, result = explained(c_interface, model, *asked, **options)
    assert (status, bool(result)) == (c_interface.ARGUMENT, False)
    assert said in model.library.ecg2lab_last_error().decode()
    assert [m.code for m in model.last_messages()] == ["other"]


# ---- Deadline and cancellation ----


def predicted(c_interface, library, model, asked, call):
    recording, patient = asked
    result = POINTER(c_interface.Result)()
    status = library.ecg2lab_predict_within(
        model.handle, byref(recording), byref(patient), None if call is None else byref(call), byref(result)
    )
    return status, result


@pytest.mark.parametrize("deadline_s", FOREVER)
def test_a_call_in_time_answers_as_any_other(c_interface, library, model, asked, deadline_s, cancel):
    expected = model.taken(*model.ask(*asked))
    for call in (None, call_of(c_interface, library, deadline_s, cancel), call_of(c_interface, library, 3600)):
        assert model.taken(*predicted(c_interface, library, model, asked, call)) == expected


def test_a_deadline_that_passed_ends_every_call(c_interface, library, model, asked):
    call = call_of(c_interface, library, 1e-9)
    ended = (c_interface.DEADLINE, "the call's deadline passed before it had an answer")
    assert model.taken(*predicted(c_interface, library, model, asked, call)) == ended
    assert model.taken(*explained(c_interface, model, *asked, call=byref(call))) == ended
    assert selftested(c_interface, library, model.handle, byref(call)) == ended
    assert model.taken(*model.ask(*asked)).status == c_interface.OK


@pytest.mark.parametrize("deadline_s", [-1.0, math.nan, -math.inf])
def test_a_deadline_that_cannot_be_meant_is_refused(c_interface, library, model, asked, deadline_s):
    status, result = predicted(c_interface, library, model, asked, call_of(c_interface, library, deadline_s))
    assert (status, bool(result)) == (c_interface.ARGUMENT, False)


def test_another_thread_cancels_a_call_that_runs(c_interface, library, model, asked, cancel):
    """An explanation of the whole recording by single samples takes seconds."""
    call = call_of(c_interface, library, cancel=cancel)
    timer = threading.Timer(0.1, library.ecg2lab_cancel_set, [cancel])
    timer.start()
    began = time.monotonic()
    status, said = model.taken(*explained(c_interface, model, *asked, segment_s=0.01, call=byref(call)))
    assert time.monotonic() - began >= 0.09
    timer.join()
    assert (status, said) == (c_interface.CANCELLED, "the call was cancelled")
    assert model.taken(*predicted(c_interface, library, model, asked, call))[0] == c_interface.CANCELLED
    library.ecg2lab_cancel_clear(cancel)
    assert model.taken(*predicted(c_interface, library, model, asked, call)).status == c_interface.OK


def test_without_a_cancel_nothing_happens(library):
    for name in ("set", "clear", "free"):
        getattr(library, f"ecg2lab_cancel_{name}")(None)


def test_a_window_of_a_stream_stays_due(c_interface, library, model, record):
    stream = c_interface.Stream(model, record.leads, record.fs, patient=PATIENT)
    assert stream.push(record.samples) == c_interface.OK
    due = stream.state().due
    late, result = call_of(c_interface, library, 1e-9), POINTER(c_interface.Result)()
    for _ in range(3):
        status = library.ecg2lab_stream_next_within(stream.handle, byref(late), byref(result))
        assert (status, bool(result), stream.state().due) == (c_interface.DEADLINE, False, due)
    with_time = call_of(c_interface, library, 60.0)
    assert library.ecg2lab_stream_next_within(stream.handle, byref(with_time), byref(result)) == c_interface.OK
    first = model.copy(result[0])
    library.ecg2lab_result_free(result)
    other = c_interface.Stream(model, record.leads, record.fs, patient=PATIENT)
    other.push(record.samples)
    assert first == other.complete_answers()[0]
    stream.free()
    other.free()


# ---- Thread hooks ----


def test_hooks_run_in_every_helper(c_interface, library, asked):
    seen, lock = [], threading.Lock()

    def note(what):
        def hook(user, thread):
            with lock:
                seen.append((what, user, thread, threading.get_native_id()))

        return c_interface.HOOK(hook)

    begin, end = note("begin"), note("end")
    loaded = c_interface.Model(library, DEMO, threads=4, thread_begin=begin, thread_end=end, thread_user=77)
    assert loaded.status == c_interface.OK
    begun = sorted(seen)
    assert [entry[:3] for entry in begun] == [("begin", 77, thread) for thread in (1, 2, 3)]
    assert threading.get_native_id() not in {thread for *_, thread in begun}
    assert loaded.taken(*loaded.ask(*asked)).status == c_interface.OK
    library.ecg2lab_free(loaded.handle)
    ended = sorted(entry for entry in seen if entry[0] == "end")
    assert [(user, thread, native) for _, user, thread, native in ended] == [entry[1:] for entry in begun]


def test_a_model_alone_has_no_helpers(c_interface, library):
    hook = c_interface.HOOK(lambda user, thread: pytest.fail("there is no helper"))
    loaded = c_interface.Model(library, DEMO, threads=1, thread_begin=hook, thread_end=hook)
    library.ecg2lab_free(loaded.handle)


# ---- Codes and messages ----


def test_every_code_of_the_header_can_be_asked_for(library):
    header = read_header()
    enumerations = header.enumerations["enumeration"].codes
    for enumeration in enumerations:
        name = enumeration.name.lower()
        declared = header.enumerations["fault_code" if name == "fault" else name].codes
        count = c_size_t()
        listed = library.ecg2lab_codes(enumeration.value, byref(count))
        codes = [listed[i][0] for i in range(count.value)]
        assert [code.code for code in codes] == sorted(code.value for code in declared)
        named = getattr(library, f"ecg2lab_{name}_name")
        assert [code.name for code in codes] == [named(code.code) for code in codes]
        since = {code.code: code.since for code in codes}
        for code in codes:
            assert 1 <= code.since <= header.abi_version
            assert code.instead == code.code or since[code.instead] < code.since
    for unknown in (-1, len(enumerations), 2**31 - 1):
        count = c_size_t(9)
        assert not library.ecg2lab_codes(unknown, byref(count))
        assert count.value == 0
    assert library.ecg2lab_codes(0, None)


def test_every_message_can_be_translated_beforehand(c_interface, library):
    count = c_size_t()
    listed = library.ecg2lab_messages(byref(count))
    messages = [listed[i][0] for i in range(count.value)]
    codes = [m.code.decode() for m in messages]
    assert len(set(codes)) == len(codes) > 50
    for m in messages:
        names = [m.parameters[i][0].name.decode() for i in range(m.parameter_count)]
        assert len(set(names)) == len(names)
        assert m.text == m.pattern
        assert sorted(names, key=m.text.decode().index) == names
        assert all(m.parameters[i][0].value == b"" for i in range(m.parameter_count))
    assert library.ecg2lab_messages(None)


EVERYTHING = dict.fromkeys(NUMBERS, 1e6) | {"temperature_c": math.nan}
CASES = {
    "every number": ({}, EVERYTHING, None),
    "two patients' faults": (
        {},
        {"age": 63, "sex": "female", "spo2_percent": 400.0, "systolic_mmhg": 60.0, "diastolic_mmhg": 80.0},
        ["patient.pressures", "patient.out_of_range"],
    ),
    "three leads": ({"V1": math.nan, "V2": math.nan, "V3": math.nan}, None, ["refusal.empty_leads"]),
    "one lead": ({"V1": math.nan}, None, ["refusal.empty"]),
    "good": ({}, {"age": 63, "sex": "female"}, []),
}


@pytest.mark.parametrize(("leads", "facts", "codes"), CASES.values(), ids=CASES)
def test_a_refusal_has_a_message_for_each_thing_that_is_wrong(c_interface, model, record, leads, facts, codes):
    answer = model.predict(spoilt(record, **leads), record.leads, record.fs, patient=facts)
    if codes is None:
        assert len(answer.messages) >= 9
    else:
        assert [m.code for m in answer.messages] == codes
    assert model.last_messages() == answer.messages
    status, prepared = model.prepare(spoilt(record, **leads), record.leads, record.fs, patient=facts)
    assert status == answer.status
    assert c_interface.copy_messages(prepared[0].messages, prepared[0].message_count)[0] == answer.messages
    model.library.ecg2lab_prepared_free(prepared)


FILTERED = ROOT / "tests/data/released/0.1.0/filtered.ecg2lab"
UNUSABLE = {
    "infinite": (DEMO, 500, 5000, {"V3": math.inf}, "recording.infinite", {"lead": "V3"}),
    "ratio": (DEMO, 333.3333, 5000, {}, "recording.rate_ratio", {"limit": "10000"}),
    "notch": (FILTERED, 100, 5000, {}, "recording.notch", {}),
    "short": (FILTERED, 500, 20, {}, "recording.too_short_to_filter", {}),
}


@pytest.mark.parametrize(("path", "fs", "count", "leads", "code", "parameters"), UNUSABLE.values(), ids=UNUSABLE)
def test_each_reason_why_a_recording_cannot_be_used_has_a_code(
    c_interface, library, record, path, fs, count, leads, code, parameters
):
    model = c_interface.Model(library, path)
    answer = model.predict(spoilt(record, **leads)[:, :count], record.leads, fs)
    library.ecg2lab_free(model.handle)
    (message,) = answer.messages
    assert answer.status == c_interface.RECORDING
    assert (message.code, dict(message.parameters)) == (code, parameters)
    assert answer.message.startswith("this recording cannot be used: ")


def test_a_stream_that_refused_samples_says_why_and_goes_on(c_interface, model, record):
    stream, undisturbed = (c_interface.Stream(model, record.leads, record.fs) for _ in range(2))
    for _ in range(2):
        assert stream.push(spoilt(record, V2=math.inf)[:, :50]) == c_interface.RECORDING
        (message,) = model.last_messages()
        assert (message.code, message.parameters["lead"]) == ("stream.infinite", "V2")
    for one in (stream, undisturbed):
        assert (one.push(record.samples), one.finish()) == (c_interface.OK, c_interface.OK)
    assert stream.answers() == undisturbed.answers() != []
    for end in (stream.finish, lambda: stream.push(record.samples)):
        assert end() == c_interface.RECORDING
        assert [m.code for m in model.last_messages()] == ["stream.ended"]


def test_what_is_wrong_with_a_stream_has_a_code_without_a_result(c_interface, model, record):
    stream = c_interface.Stream(model, record.leads[:5], record.fs)
    assert stream.status == c_interface.RECORDING
    (message,) = model.last_messages()
    assert message.code == "recording.missing_leads"
    assert message.parameters["recorded"] == ", ".join(record.leads[:5])


def test_a_long_line_is_cut_and_its_messages_are_not(c_interface, model, record):
    """Sixty leads of which none is known by any name: 1 kB is kept of the line, and more of its parts."""
    leads = [f"{'ä' * 600}{i}" for i in range(12)]
    status, result = model.ask(model.recording(record.samples, leads, record.fs, "mV")[0])
    said = model.library.ecg2lab_last_error()
    assert len(said) <= 1023
    said.decode()
    assert result[0].message.startswith(said)
    assert (status, result[0].messages[0][0].code) == (c_interface.RECORDING, b"recording.unknown_lead")
    count = c_size_t()
    kept = model.library.ecg2lab_last_messages(byref(count))[0][0]
    assert kept.parameters[0][0].value == leads[0].encode()
    assert kept.text == result[0].message
    model.library.ecg2lab_result_free(result)


def test_messages_are_of_the_thread_that_asked(c_interface, model, record):
    model.predict(spoilt(record, V1=math.nan), record.leads, record.fs)
    found = []
    thread = threading.Thread(target=lambda: found.append(model.last_messages()))
    thread.start()
    thread.join()
    assert found == [[]]
    assert [m.code for m in model.last_messages()] == ["refusal.empty"]
