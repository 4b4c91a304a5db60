"""A stream of the C interface that is saved and goes on elsewhere."""

import ctypes
from ctypes import POINTER, byref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from native_tools import DEMO, PATIENT

import ecg2lab

FS = 500


def save(c_interface, stream):
    state = POINTER(c_interface.Bytes)()
    assert stream.library.ecg2lab_stream_save(stream.handle, byref(state)) == c_interface.OK
    content = ctypes.string_at(state[0].data, state[0].size)
    stream.library.ecg2lab_bytes_free(state)
    return content


def restore(stream, content):
    return stream.library.ecg2lab_stream_restore(stream.handle, content, len(content))


@pytest.fixture(scope="module")
def signal(record):
    """Twenty seconds, with gaps of which one is longer than a window."""
    samples = np.tile(record.samples, 2)
    for lead, start, length in ((0, 700, 3), (5, 4990, 40), (7, 6000, 1600)):
        samples[lead, start : start + length] = np.nan
    return samples


@pytest.fixture
def open_stream(c_interface, model, record):
    opened = []

    def make(leads=tuple(record.leads), fs=FS, unit="mV", of=model, **options):
        stream = c_interface.Stream(of, leads, fs, unit, patient=PATIENT, **options)
        assert stream.status == c_interface.OK, stream.message
        opened.append(stream)
        return stream

    yield make
    for stream in opened:
        stream.free()


@pytest.mark.parametrize("fs", [500.0, 360.0, 100.0])
@pytest.mark.parametrize("at", [0, 1, 17, 1249, 1250, 4999, 5017, 6800, 9999])
def test_a_restored_stream_answers_on_as_the_saved_one(c_interface, open_stream, signal, fs, at):
    saved = open_stream(fs=fs)
    assert saved.push(signal[:, :at]) == c_interface.OK
    before = saved.complete_answers()
    state = save(c_interface, saved)
    restored = open_stream(fs=fs)
    restored.push(signal[:, :3000])  # what was there before is gone
    assert restore(restored, state) == c_interface.OK, restored.library.ecg2lab_last_error()
    assert save(c_interface, restored) == state
    for stream in (saved, restored):
        assert stream.push(signal[:, at:]) == c_interface.OK
        assert stream.finish() == c_interface.OK
    expected = saved.complete_answers()
    assert restored.complete_answers() == expected
    assert len(before) + len(expected) > 0
    assert restored.state().received_samples == signal.shape[1]


@examples(20)
@given(cuts=st.lists(st.integers(0, 10000), min_size=1, max_size=6).map(sorted), taken=st.booleans())
def test_as_often_as_wanted_with_answers_taken_or_not(c_interface, model, record, signal, cuts, taken):
    def stream():
        return c_interface.Stream(model, record.leads, FS, patient=PATIENT, hop_s=0.5)

    whole, at, answers = stream(), 0, []
    whole.push(signal)
    expected = whole.answers()
    going = stream()
    for cut in [*cuts, signal.shape[1]]:
        assert going.push(signal[:, at:cut]) == c_interface.OK
        at = cut
        if taken:
            answers += going.answers()
        state = save(c_interface, going)
        going.free()
        going = stream()
        assert restore(going, state) == c_interface.OK
    answers += going.answers()
    assert answers == expected
    going.free()
    whole.free()


OTHERS = {
    "leads": {"leads": ("II", "I", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")},
    "rate": {"fs": 400},
    "unit": {"unit": "uV"},
    "gain": {"unit": "adc", "gain": [1000.0]},
    "hop": {"hop_s": 2.0},
    "gap": {"longest_gap_s": 1.0},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_state_of_another_kind_of_stream_is_refused(c_interface, open_stream, signal, other):
    saved, stream = open_stream(), open_stream(**other)
    saved.push(signal[:, :4000])
    assert stream.push(signal[:, :2000]) == c_interface.OK
    before = save(c_interface, stream)
    assert restore(stream, save(c_interface, saved)) == c_interface.ARGUMENT
    assert "the state belongs to a stream of " in stream.library.ecg2lab_last_error().decode()
    assert save(c_interface, stream) == before


def test_a_state_of_another_model_is_refused(c_interface, library, open_stream, signal, decided):
    other = c_interface.Model(library, decided)
    saved, stream = open_stream(of=other), open_stream()
    saved.push(signal[:, :4000])
    assert restore(stream, save(c_interface, saved)) == c_interface.ARGUMENT
    library.ecg2lab_free(other.handle)


def test_damage_anywhere_is_refused_and_changes_nothing(c_interface, open_stream, signal):
    saved, stream = open_stream(), open_stream()
    for each in (saved, stream):
        each.push(signal[:, :2100])
    state = save(c_interface, saved)
    assert save(c_interface, stream) == state
    saved.push(signal[:, 2100:2200])
    good = save(c_interface, saved)
    random = np.random.default_rng(5)
    for place in [*range(100), *random.integers(0, len(good), 200), len(good) - 1]:
        damaged = bytearray(good)
        damaged[place] ^= 1 << random.integers(8)
        assert restore(stream, bytes(damaged)) == c_interface.ARGUMENT
    for wrong in (b"", good[:-1], good[: len(good) // 2], good + b"\0", b"x" * 1000):
        assert restore(stream, wrong) == c_interface.ARGUMENT
    assert stream.library.ecg2lab_stream_restore(stream.handle, None, 9) == c_interface.ARGUMENT
    assert save(c_interface, stream) == state


def test_pythons_state_is_refused_by_name(c_interface, open_stream, record, signal):
    with ecg2lab.load(DEMO, backend="native") as engine:
        python = engine.stream(leads=record.leads, fs=FS, unit="mV")
        python.push(signal[:, :4000])
        stream = open_stream()
        assert restore(stream, python.save()) == c_interface.ARGUMENT
    assert b"no state of a stream that this library saved" in stream.library.ecg2lab_last_error()


def test_a_state_holds_nothing_of_the_patient(c_interface, model, record, signal):
    states = []
    for patient in (None, PATIENT):
        stream = c_interface.Stream(model, record.leads, FS, patient=patient, source={"order": "12345"})
        stream.push(signal[:, :4000])
        states.append(save(c_interface, stream))
        stream.free()
    assert states[0] == states[1]
    assert b"12345" not in states[0]
