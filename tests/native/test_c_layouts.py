"""Where samples lie, of which type they are, and which of them are missing, as a C program says it."""

import ctypes
from ctypes import byref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

DRAWN = st.integers(1, 24)


@pytest.fixture(scope="module")
def asked(c_interface, model):
    """Asks with a layout over the same memory; returns the status and what was said."""
    memory = np.zeros(4096, np.float64)

    def ask(leads, samples, lead_stride, sample_stride, buffer_bytes=0, kind="float64"):
        names = [f"V{lead}" for lead in range(leads)]
        recording, _kept = model.recording(np.zeros((leads, samples), kind), names, 500, "mV")
        recording.samples, recording.buffer_bytes = memory.ctypes.data, buffer_bytes
        recording.lead_stride, recording.sample_stride = lead_stride, sample_stride
        status, result = model.ask(recording)
        model.library.ecg2lab_result_free(result)
        return status, model.library.ecg2lab_last_error().decode()

    return ask


@examples(300)
@given(leads=st.integers(1, 9), samples=st.integers(1, 12), lead_stride=DRAWN, sample_stride=DRAWN)
def test_leads_that_share_a_sample_are_refused_and_no_others(
    c_interface, asked, leads, samples, lead_stride, sample_stride
):
    places = [lead * lead_stride + t * sample_stride for lead in range(leads) for t in range(samples)]
    status, said = asked(leads, samples, lead_stride, sample_stride)
    if len(set(places)) < len(places):
        assert status == c_interface.ARGUMENT
        assert "share samples" in said
    else:
        assert status == c_interface.RECORDING  # for its lead names


@pytest.mark.parametrize("kind", ["float32", "float64", "int16", "int32"])
@examples(50)
@given(leads=st.integers(1, 9), samples=st.integers(1, 12), padding=st.integers(0, 5), interleaved=st.booleans())
def test_what_leaves_the_buffer_is_refused(c_interface, asked, kind, leads, samples, padding, interleaved):
    strides = (1, leads + padding) if interleaved else (samples + padding, 1)
    last = (leads - 1) * strides[0] + (samples - 1) * strides[1]
    exact = (last + 1) * np.dtype(kind).itemsize
    for size, expected in (
        (exact, c_interface.RECORDING),
        (exact - 1, c_interface.ARGUMENT),
        (1, c_interface.ARGUMENT),
    ):
        status, said = asked(leads, samples, *strides, buffer_bytes=size, kind=kind)
        assert status == expected
        assert (f"take {exact} bytes" in said) == (expected == c_interface.ARGUMENT)


def test_a_struct_of_an_older_program_says_nothing_of_its_buffer_or_of_missing_codes(c_interface, model, record):
    """What lies behind the shorter struct is not read."""
    recording, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    recording.struct_size = c_interface.Recording.buffer_bytes.offset
    recording.buffer_bytes, recording.has_missing_code = 1, 77
    status, result = model.ask(recording)
    assert status == c_interface.OK
    model.library.ecg2lab_result_free(result)


def counts(record, dtype, code):
    """The record in microvolt with holes, and the same in floating point."""
    whole = np.round(1000 * record.samples).astype(dtype)
    whole[whole == code] += 1
    missing = np.zeros(whole.shape, bool)
    missing[0, 100:160] = missing[7, 4000:4300] = missing[:, 2222] = True
    return np.where(missing, np.dtype(dtype).type(code), whole), np.where(missing, np.nan, whole.astype(float)), missing


CODES = [("int16", -32768), ("int16", 32767), ("int16", 0), ("int32", -(2**31)), ("int32", -(2**23)), ("int32", -1)]


@pytest.mark.parametrize(("dtype", "code"), CODES)
@pytest.mark.parametrize("sample_major", [False, True])
def test_a_missing_code_is_what_nan_is(c_interface, model, record, dtype, code, sample_major):
    samples, plain, missing = counts(record, dtype, code)
    recording, _kept = model.recording(samples, record.leads, record.fs, "uV", sample_major=sample_major)
    recording.has_missing_code, recording.missing_code = 1, code
    found = model.taken(*model.ask(recording))
    expected = model.predict(plain, record.leads, record.fs, "uV")
    assert found == expected
    assert found.status == c_interface.OK
    assert b'"missing_samples"' in found.json
    adc, _kept = model.recording(samples, record.leads, record.fs, "adc", gain=[1000.0], sample_major=sample_major)
    adc.has_missing_code, adc.missing_code = 1, code
    assert model.taken(*model.ask(adc)).figures.keys() == expected.figures.keys()
    assert missing.any()


def test_without_the_flag_a_code_is_a_sample(c_interface, model, record):
    samples, *_ = counts(record, "int16", 0)
    recording, _kept = model.recording(samples, record.leads, record.fs, "uV")
    assert (recording.has_missing_code, recording.missing_code, recording.buffer_bytes) == (0, 0, 0)
    status, result = model.ask(recording)
    assert status == c_interface.OK
    assert all(lead.contents.missing_samples == 0 for lead in result[0].leads[: result[0].lead_count])
    model.library.ecg2lab_result_free(result)


@pytest.mark.parametrize(
    ("dtype", "has", "code", "said"),
    [
        ("int16", 1, 32768, "no number of 16 bits"),
        ("int16", 1, -32769, "no number of 16 bits"),
        ("int16", 2, 0, "must be 0 or 1"),
        ("int32", -1, 0, "must be 0 or 1"),
        ("float32", 1, 0, "NaN is missing"),
        ("float64", 1, -32768, "NaN is missing"),
    ],
)
def test_a_code_that_cannot_be_meant_is_refused(c_interface, model, record, dtype, has, code, said):
    recording, _kept = model.recording(record.samples.astype(dtype), record.leads, record.fs, "mV")
    recording.has_missing_code, recording.missing_code = has, code
    assert model.ask(recording)[0] == c_interface.ARGUMENT
    assert said in model.library.ecg2lab_last_error().decode()
    recording.samples, recording.sample_count = None, 0
    stream = ctypes.c_void_p()
    opened = model.library.ecg2lab_stream_open(model.handle, byref(recording), None, None, byref(stream))
    assert opened == c_interface.ARGUMENT
    assert said in model.library.ecg2lab_last_error().decode()


def test_each_push_is_held_to_the_layout_of_its_stream(c_interface, model, record):
    """Strides of 6 samples hold a push of 6, and a buffer of 12 × 6 numbers no more than that."""
    c, library = c_interface, model.library
    form, _kept = model.recording(np.zeros((12, 6)), record.leads, record.fs, "mV")
    form.lead_stride, form.sample_stride, form.buffer_bytes = 6, 1, 12 * 6 * 8
    stream, pushed = ctypes.c_void_p(), np.zeros(1000)
    assert library.ecg2lab_stream_open(model.handle, byref(form), None, None, byref(stream)) == c.OK
    assert library.ecg2lab_stream_push(stream, pushed.ctypes.data, 6) == c.OK
    assert library.ecg2lab_stream_push(stream, pushed.ctypes.data, 7) == c.ARGUMENT
    assert library.ecg2lab_last_error().startswith(b"recording: by lead_stride")
    library.ecg2lab_stream_free(stream)
    form.lead_stride = form.sample_stride = 0
    assert library.ecg2lab_stream_open(model.handle, byref(form), None, None, byref(stream)) == c.OK
    assert library.ecg2lab_stream_push(stream, pushed.ctypes.data, 6) == c.OK
    assert library.ecg2lab_stream_push(stream, pushed.ctypes.data, 7) == c.ARGUMENT
    assert library.ecg2lab_last_error() == b"recording: its samples take 672 bytes, and buffer_bytes is 576"
    assert library.ecg2lab_stream_describe(stream)[0].received_samples == 6
    library.ecg2lab_stream_free(stream)
