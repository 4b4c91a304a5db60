"""Every mistake of a program that calls the C interface is said, and its model still answers."""

import ctypes
import json
import os
import re
import subprocess
import sys
from ctypes import POINTER, byref, c_void_p
from pathlib import Path

import pytest
from native_tools import DEMO, NATIVE

import ecg2lab
from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BackendError, BundleError


def test_a_bundle_that_cannot_be_used_is_refused_by_name(c_interface, library, tmp_path):
    content = DEMO.read_bytes()
    cut = tmp_path / "cut.ecg2lab"
    cut.write_bytes(content[:-100])
    for path, options, status, message in (
        (tmp_path / "absent", {}, c_interface.BUNDLE, "there is no bundle at"),
        (tmp_path, {}, c_interface.BUNDLE, "it is a folder"),
        (cut, {}, c_interface.BUNDLE, "cut short"),
        (DEMO, {"precision": b"fp64"}, c_interface.BACKEND, "precision 'fp64' is not in this bundle"),
        (DEMO, {"precision": b"\xff\n"}, c_interface.BACKEND, "precision '??'"),
        (DEMO, {"precision": b"fp16"}, c_interface.BACKEND, "no kernels for the precision 'fp16'"),
        (DEMO, {"threads": 0}, c_interface.BACKEND, "between 1 and 256"),
        (DEMO, {"threads": 2**63}, c_interface.BACKEND, "between 1 and 256"),
    ):
        loaded = c_interface.Model(library, path, **options)
        assert loaded.status == status
        assert message in library.ecg2lab_last_error().decode()
        assert not loaded.handle


@pytest.fixture
def doctored(tmp_path):
    """The demo with another `parity.json`: what `change` makes of its proof."""

    def make(change):
        opened = Bundle.open(DEMO)
        members = {name: bytes(opened.member(name)) for name in opened.manifest.members}
        proof = json.loads(members["parity.json"])
        change(proof)
        path = tmp_path / "doctored.ecg2lab"
        members |= {"parity.json": json.dumps(proof).encode()}
        path.write_bytes(bundles.seal(opened.manifest, members))
        return path

    return make


PROOFS = {
    "left out": (lambda p: p["left_out"].update(native="a logit is wrong"), "exported without the native backend: a"),
    "failed": (lambda p: p["checks"][0].update(error=1.0), "parity.json is no proof of this bundle"),
    "of another form": (lambda p: p.update(form="other"), "parity.json is no proof of this bundle"),
    "not a number": (lambda p: p["checks"][0].update(error=None), "parity.json is malformed"),
    "without checks": (lambda p: p.update(checks=[]), "parity.json is malformed"),
    "unknown field": (lambda p: p.update(more=1), "parity.json is malformed"),
}


@pytest.mark.parametrize(("change", "message"), PROOFS.values(), ids=PROOFS)
def test_what_was_not_proved_is_refused_as_python_does(c_interface, library, doctored, change, message):
    path = doctored(change)
    loaded = c_interface.Model(library, path)
    said = library.ecg2lab_last_error().decode()
    assert message in said
    with pytest.raises((BackendError, BundleError), match=message) as refused:
        ecg2lab.load(path, backend="native", threads=1)
    assert loaded.status == (c_interface.BACKEND if refused.type is BackendError else c_interface.BUNDLE)
    assert said == str(refused.value)


def test_null_pointers_are_refused_and_freed_without_harm(c_interface, library, model, record):
    c, handle, result = c_interface, c_void_p(), POINTER(c_interface.Result)()
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    calls = [
        lambda: library.ecg2lab_load(None, None, byref(handle)),
        lambda: library.ecg2lab_load(str(DEMO).encode(), None, None),
        lambda: library.ecg2lab_predict(None, byref(recording), None, byref(result)),
        lambda: library.ecg2lab_predict(model.handle, None, None, byref(result)),
        lambda: library.ecg2lab_predict(model.handle, byref(recording), None, None),
        lambda: library.ecg2lab_options_init(None, ctypes.sizeof(c.Options)),
        lambda: library.ecg2lab_recording_init(None, ctypes.sizeof(c.Recording)),
        lambda: library.ecg2lab_patient_init(None, ctypes.sizeof(c.Patient)),
    ]
    for call in calls:
        assert call() == c.ARGUMENT
        assert library.ecg2lab_last_error().endswith(b"is NULL")
    library.ecg2lab_free(None)
    library.ecg2lab_result_free(None)


MISTAKES = {
    "samples": None, "leads": None, "lead_count": 0, "sample_count": 0, "sample_type": 4, "unit": 0,
    "lead_stride": 1, "sample_stride": 1, "gain_count": 1, "baseline_count": 12, "source_count": 3,
    "buffer_bytes": 1, "has_missing_code": 1,
}  # fmt: skip
HUGE = {
    "lead_count": 65, "sample_count": 2**28 + 1, "sample_type": -1, "unit": 5, "lead_stride": 2**62,
    "sample_stride": 2**62, "gain_count": 2**63, "source_count": 2**63,
}  # fmt: skip


@pytest.mark.parametrize(("field", "value"), [*MISTAKES.items(), *HUGE.items()])
def test_a_recording_that_cannot_be_meant_is_refused_and_the_model_still_answers(
    c_interface, model, library, record, field, value
):
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    setattr(recording, field, value)
    if value in (2**62,):
        recording.lead_stride, recording.sample_stride = (value, 1) if field == "lead_stride" else (5000, value)
    status, result = model.ask(recording)
    assert status == c_interface.ARGUMENT
    assert not result
    assert library.ecg2lab_last_error()
    answered = model.predict(record.samples, record.leads, record.fs)
    assert answered.status == c_interface.OK
    assert library.ecg2lab_last_error() == b""


def test_words_and_codes_that_do_not_exist(c_interface, model, library, record):
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    for field, value in (("sex", 2), ("sex", -2), ("race", 5), ("race", 2**31 - 1)):
        patient = model.patient()
        setattr(patient, field, value)
        assert model.ask(recording, patient)[0] == c_interface.ARGUMENT
    recording.leads = c_interface.words([None, *record.leads[1:]])
    assert model.ask(recording)[0] == c_interface.ARGUMENT
    fields = (c_interface.SourceField * 1)((b"patient", None))
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    recording.source, recording.source_count = fields, 1
    assert model.ask(recording)[0] == c_interface.ARGUMENT
    for value in (float("inf"), -float("inf")):
        assert model.predict(record.samples, record.leads, record.fs, patient={"age": value}).message == (
            "age must be a finite number"
        )


@pytest.mark.parametrize("struct", ["Options", "Recording", "Patient", "StreamOptions"])
def test_a_wrong_struct_size_is_refused_and_nothing_written(c_interface, library, struct):
    kind = getattr(c_interface, struct)
    size = ctypes.sizeof(kind)
    initialise = getattr(library, f"{kind.__name__}_init")
    for wrong in (0, 1, 7, 8, size - 1, size + 1, size + 8, 2**63, 2**64 - 1):
        target = kind()
        before = bytes(target)
        assert initialise(byref(target), wrong) == c_interface.ARGUMENT
        assert b"struct_size" in library.ecg2lab_last_error()
        assert bytes(target) == before


def test_an_older_shorter_struct_works_and_nothing_behind_it_is_read_or_written(c_interface, library, model, record):
    """A patient that ends after the age; a recording without strides; options with a precision only."""
    c = c_interface
    patient = c.Patient()
    ctypes.memset(byref(patient), 0x55, ctypes.sizeof(patient))
    behind = c.Patient.respiratory_per_min.offset
    assert library.ecg2lab_patient_init(byref(patient), behind) == c.OK
    assert bytes(patient)[behind:] == b"\x55" * (ctypes.sizeof(patient) - behind)
    patient.age = 63.0
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    recording.struct_size = c.Recording.lead_stride.offset
    recording.gain_count = recording.source_count = 2**40
    status, result = model.ask(recording, patient)
    expected = model.predict(record.samples, record.leads, record.fs, patient={"age": 63})
    assert status == c.OK
    assert model.copy(result[0]) == expected
    library.ecg2lab_result_free(result)
    options = c.Options(struct_size=c.Options.threads.offset, precision=b"fp32", threads=2**40)
    handle = c_void_p()
    assert library.ecg2lab_load(str(DEMO).encode(), byref(options), byref(handle)) == c.OK
    library.ecg2lab_free(handle)


def test_a_struct_that_was_never_initialised_is_refused(c_interface, model, record):
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    recording.struct_size = 0
    assert model.ask(recording)[0] == c_interface.ARGUMENT
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    assert model.ask(recording, c_interface.Patient())[0] == c_interface.ARGUMENT


def test_every_status_has_a_name(c_interface, library):
    for code, name in enumerate(c_interface.STATUS_NAMES):
        assert library.ecg2lab_status_name(code).decode() == f"ECG2LAB_{name}"
    for code in (-1, len(c_interface.STATUS_NAMES), 2**31 - 1, -(2**31)):
        assert library.ecg2lab_status_name(code) == b"unknown status"


def test_every_code_of_a_result_has_a_name(c_interface, library):
    """Those of the header's enumerations, in words; what the library does not know is no index of anything."""
    header = (NATIVE / "include" / "ecg2lab.h").read_text()
    prefixes = {"lead_verdict": "LEAD", "refusal": "REFUSAL", "quality": "QUALITY", "fault": "FAULT"}
    prefixes |= {"experience": "EXPERIENCE", "verdict": ""}
    for kind in c_interface.NAMED:
        name = getattr(library, f"ecg2lab_{kind}_name")
        enum = re.search(rf"typedef enum ecg2lab_{kind}(?:_code)? \{{(.*?)\n\}}", header, re.DOTALL).group(1)
        codes = re.findall(rf"ECG2LAB_{prefixes[kind]}_?(\w+) = (\d+)", enum)
        assert codes
        for word, code in codes:
            assert name(int(code)).decode() == word.lower().replace("_", "_" if kind == "fault" else " ")
        for unknown in (-1, int(codes[0][1]) - 1, int(codes[-1][1]) + 1, 2**31 - 1, -(2**31)):
            assert name(unknown) == b"unknown"


def test_a_long_message_is_cut_between_characters(c_interface, library):
    handle = c_void_p()
    for extra in range(4):
        path = ("a" * extra + "ä" * 2000).encode()
        assert library.ecg2lab_load(path, None, byref(handle)) == c_interface.BUNDLE
        said = library.ecg2lab_last_error()
        assert 900 < len(said) < 1024
        assert said.decode()
    assert library.ecg2lab_load(b"\xff\xfe", None, byref(handle)) == c_interface.BUNDLE
    assert b"there is no bundle at ??" in library.ecg2lab_last_error()


# Of a process of its own, with as little memory as is said.
SETTING = """
import importlib.util, resource, sys
spec = importlib.util.spec_from_file_location("c_interface", sys.argv[1])
c = importlib.util.module_from_spec(spec)
spec.loader.exec_module(c)
import numpy as np
library = c.load(sys.argv[2])
def limit(gigabytes):
    resource.setrlimit(resource.RLIMIT_AS, (int(gigabytes * 2**30), resource.RLIM_INFINITY))
"""
OUT_OF_MEMORY = """
model = c.Model(library, sys.argv[3])
leads = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
samples = np.sin(0.015 * np.arange(5000) + np.arange(8)[:, None])
recording, kept = model.recording(samples.astype(np.float32), leads, 500, "mV")
recording.sample_count = 2**28
limit(8)
status, result = model.ask(recording)
assert (status, bool(result)) == (c.MEMORY, False), status
assert library.ecg2lab_last_error() == b"out of memory"
assert model.predict(samples, leads, 500).status == c.OK
"""
TOO_MANY_THREADS = """
limit(1)  # a thread asks for some megabytes
model = c.Model(library, sys.argv[3], threads=256)
assert model.status == c.BACKEND, model.status
assert b"cannot start 256 threads: " in library.ecg2lab_last_error()
limit(8)
assert c.Model(library, sys.argv[3], threads=256).status == c.OK
"""


@pytest.mark.parametrize("program", [OUT_OF_MEMORY, TOO_MANY_THREADS], ids=["samples", "threads"])
def test_out_of_memory_is_a_status_and_the_library_still_answers(c_package, program):
    """8 GB for a recording that needs 16, of which nothing is read before that is known; 1 GB for 256 stacks."""
    files = Path(__file__).with_name("c_interface.py"), c_package / "lib" / "libecg2lab.so", DEMO
    command = [sys.executable, "-c", SETTING + program, *map(str, files)]
    environment = {**os.environ, "PYTHONPATH": str(NATIVE / "bindings" / "generator")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
