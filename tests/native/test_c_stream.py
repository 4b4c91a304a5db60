"""The stream of the C interface: the answers of windows cut out of the whole signal, whatever the chunks."""

import ctypes
from ctypes import POINTER, byref, c_void_p

import numpy as np
import pytest
from native_tools import DEMO, PATIENT

import ecg2lab

FS = 500


@pytest.fixture(scope="module")
def signal(record):
    """Forty seconds: four of the record, with short gaps."""
    samples = np.tile(record.samples, 4)
    for lead, start, length in ((0, 700, 3), (5, 4990, 40), (7, 9000, 600), (2, 15000, 500), (3, 15100, 500)):
        samples[lead, start : start + length] = np.nan
    return samples


@pytest.fixture
def open_stream(c_interface, model, record):
    opened = []

    def make(leads=tuple(record.leads), fs=FS, patient=PATIENT, **options):
        stream = c_interface.Stream(model, leads, fs, patient=patient, **options)
        opened.append(stream)
        return stream

    yield make
    for stream in opened:
        stream.free()


def stream_all(stream, samples, chunks):
    """Push in chunks that are used in turn."""
    answers, at, turn = [], 0, 0
    while at < samples.shape[1]:
        n = chunks[turn % len(chunks)]
        turn += 1
        assert stream.push(samples[:, at : at + n]) == 0
        at += n
        answers += stream.answers()
    assert stream.finish() == 0
    return answers + stream.answers()


@pytest.mark.parametrize("chunks", [(1, 17, 509, 0), (17,), (44100,), (250, 0)])
def test_every_hop_is_the_window_of_the_whole_signal(c_interface, open_stream, model, record, signal, chunks):
    expected = stream_all(open_stream(), signal, (20000,))
    assert [a.begin for a in expected] == list(range(0, 4000 - 250 + 1, 100))
    assert all(a.status == c_interface.OK for a in expected)
    assert stream_all(open_stream(), signal, chunks) == expected


@pytest.mark.parametrize("fs", [500.0, 360.0, 257.5, 100.0])
def test_every_window_is_cut_out_of_the_whole_prepared_signal(
    c_interface, open_stream, model, engine, record, signal, fs
):
    """A window at the model's own rate is a recording that nothing changes any more.

    Where a gap in a limb lead was closed, the other limb leads contradict it: such a recording is refused.
    """
    leads = engine.contract.signal.leads
    samples = signal[:, :9000]
    whole = ecg2lab.preprocess(samples, fs=fs, leads=record.leads, unit="mV")
    answers = stream_all(open_stream(fs=fs, hop_s=0.5), samples, (1, 17, 509))
    assert [a.begin for a in answers] == list(range(0, whole.shape[1] - 249, 50))
    for answer in answers:
        alone = model.predict(whole[:, answer.begin : answer.begin + 250], leads, 100.0, "mV", PATIENT)
        closed = np.isnan(samples).any(axis=0).nonzero()[0] / fs * 100 - answer.begin
        if alone.refusal and ((closed > -50) & (closed < 300)).any():
            assert "in contradiction to leads I and II" in alone.message
            continue
        assert answer.findings == alone.findings


def test_a_window_is_answered_as_a_recording_of_it_is(c_interface, open_stream, model, record, signal):
    """At the model's own rate nothing is resampled, so that a window's samples are a recording of their own."""
    slow = np.ascontiguousarray(record.samples[:, ::5])
    answers = stream_all(open_stream(fs=100, hop_s=0.07), slow, (13,))
    assert [a.begin for a in answers] == list(range(0, 751, 7))
    for answer in answers:
        alone = model.predict(slow[:, answer.begin : answer.begin + 250], record.leads, 100.0, "mV", PATIENT)
        judged = {"quality": alone.quality, "faults": alone.faults, "figures": alone.figures}  # streams measure less
        assert answer.figures.keys() == alone.figures.keys()
        assert answer._replace(begin=0, **judged) == alone._replace(json=b"")  # which says where the window lies


def test_windows_of_a_resampled_signal_average_to_the_recordings_answer(c_interface, open_stream, model, record):
    whole = model.predict(record.samples, record.leads, FS, "mV", PATIENT)
    answers = stream_all(open_stream(hop_s=2.5), record.samples, (333,))
    assert len(answers) == whole.windows
    for name, finding in whole.findings.items():
        single = [answer.findings[name].probability for answer in answers]
        assert (min(single), max(single)) == (finding.lowest, finding.highest)


@pytest.mark.parametrize(
    ("unit", "dtype", "factor", "more"),
    [("uV", "int16", 1e3, {}), ("adc", "int16", 200, {"gain": [200.0]}), ("mV", "float32", 1, {})],
)
def test_every_form_of_samples(open_stream, record, unit, dtype, factor, more):
    samples = (record.samples * factor).astype(dtype)
    planar = stream_all(open_stream(unit=unit, dtype=dtype, **more), samples, (509,))
    assert planar == stream_all(open_stream(unit=unit, dtype=dtype, sample_major=True, **more), samples, (41,))
    assert len(planar) == 8


def test_derived_leads_and_source_fields(open_stream, record):
    rows = [record.leads.index(name) for name in ("V6", "II", "V1", "I", "V5", "V2", "V4", "V3")]
    leads = ("v6", " ii", "V1", "i", "V5", "v2", "V4 ", "V3")
    stream = open_stream(leads=leads, source={"bed": "7"})
    answers = stream_all(stream, record.samples[rows], (100,))
    assert len(answers) == 8
    assert answers[0].source == {"bed": "7"}
    assert stream.lead("aVR").derived == 1
    assert stream.lead("V6").derived == 0


def test_a_lead_that_falls_off_refuses_the_windows_that_its_gap_touches(c_interface, open_stream, record):
    samples = np.tile(record.samples, 3)
    samples[7, 6000:8000] = np.nan  # V2, 12 s to 16 s
    answers = stream_all(open_stream(), samples, (77,))
    assert len(answers) == 28
    for answer in answers:
        touched = answer.begin / 100 < 16 and answer.begin / 100 + 2.5 > 12
        assert answer.status == (c_interface.QUALITY if touched else c_interface.OK)
        if touched:
            assert answer.leads["V2"] in (c_interface.GAP, c_interface.EMPTY)
            assert "lead V2 without" in answer.message
            assert answer.findings == {}


def test_the_limit_of_a_gap_can_be_shorter(c_interface, open_stream, record):
    for length, refused in ((249, False), (250, True), (251, True)):
        samples = np.tile(record.samples, 2)
        samples[0, 5000 : 5000 + length] = np.nan
        answers = stream_all(open_stream(longest_gap_s=0.5), samples, (100,))
        assert any(a.status == c_interface.QUALITY for a in answers) == refused
        if refused:
            assert "lead I without values for 0.5 s or longer" in next(a.message for a in answers if a.message)


def test_a_lead_that_is_off_is_told_at_once(open_stream, record):
    samples = record.samples.copy()
    samples[7, 3000:] = np.nan
    stream = open_stream(longest_gap_s=0.2)
    assert stream.push(samples[:, :3099]) == 0
    assert stream.lead("V2").off == 0
    assert stream.push(samples[:, 3099:3100]) == 0
    assert stream.lead("V2").off == 1
    assert stream.lead("V2").missing_samples == 100


def test_the_state_counts_what_came_and_what_waits(open_stream, record):
    stream = open_stream()
    for samples in (0, 1249, 1, 250, 1, 3499):
        stream.push(record.samples[:, :samples])
    state = stream.state()
    assert state.received_samples == 5000
    assert state.look_ahead_samples / FS == pytest.approx(0.5, abs=0.2)
    assert state.prepared_samples == (5000 - state.look_ahead_samples) // 5 + 1
    assert state.due == (state.prepared_samples - 250) // 100 + 1
    assert len(stream.answers()) == state.due
    assert stream.state().due == 0


def test_what_the_patient_becomes_holds_for_the_windows_that_come(open_stream, model, record, library, c_interface):
    stream = open_stream(patient={"age": 30})
    assert stream.push(np.tile(record.samples, 2)) == 0
    first = stream.answers()
    assert library.ecg2lab_stream_patient(stream.handle, byref(model.patient(age=17))) == c_interface.PATIENT
    assert library.ecg2lab_stream_patient(stream.handle, byref(model.patient(age=88))) == 0
    stream.push(record.samples)
    later = stream.answers()
    assert first[0].findings != later[0].findings  # the same beats, another age
    assert "age" not in later[0].imputed


def test_reset_begins_anew(open_stream, record):
    stream = open_stream()
    expected = stream_all(stream, record.samples, (500,))
    assert stream.push(record.samples) == 4  # it has ended
    assert stream.library.ecg2lab_stream_reset(stream.handle) == 0
    assert stream.state().received_samples == 0
    assert stream_all(stream, record.samples, (501,)) == expected


def test_infinite_samples_are_refused_and_none_is_taken(open_stream, record, c_interface, library):
    stream, undisturbed = open_stream(), open_stream()
    bad = record.samples[:, :100].copy()
    bad[4, 7] = np.inf
    stream.push(record.samples)
    assert stream.push(bad) == c_interface.RECORDING
    assert library.ecg2lab_last_error() == b"these samples cannot be used: lead aVL has infinite samples"
    assert stream.state().received_samples == 5000
    stream.push(record.samples)
    stream.finish()
    assert stream.answers() == stream_all(undisturbed, np.tile(record.samples, 2), (10000,))


REFUSED = {
    "leads": ({"leads": ("I", "II", "V1")}, "RECORDING", "missing leads: V2, V3, V4, V5, V6 (the recording has"),
    "name": ({"leads": ("I", "II", "X9")}, "RECORDING", "X9"),
    "rate": ({"fs": 99.0}, "RECORDING", "sampling rate 99 Hz is outside"),
    "unit and gain": ({"gain": [2.0]}, "RECORDING", "gain and baseline belong to unit"),
    "age": ({"patient": {"age": 17}}, "PATIENT", "18 years and older"),
    "hop": ({"hop_s": 0.333}, "ARGUMENT", "stream: hop_s 0.333 is not a whole number of samples at 100 Hz"),
    "no hop": ({"hop_s": 0.0}, "ARGUMENT", "hop_s 0 is not"),
    "hop nan": ({"hop_s": float("nan")}, "ARGUMENT", "is not a whole number"),
    "hop huge": ({"hop_s": 1e300}, "ARGUMENT", "is not a whole number"),
    "gap": ({"longest_gap_s": 2.6}, "ARGUMENT", "longest_gap_s 2.6 is not between 0 and a window (2.5 s)"),
    "gap nan": ({"longest_gap_s": float("nan")}, "ARGUMENT", "is not between 0 and a window"),
}


@pytest.mark.parametrize(("change", "status", "message"), REFUSED.values(), ids=REFUSED)
def test_a_stream_that_cannot_be_is_not_opened(c_interface, open_stream, change, status, message):
    stream = open_stream(**change)
    assert stream.status == getattr(c_interface, status)
    assert message in stream.message
    assert not stream.handle


def test_mistakes_of_the_program(c_interface, library, model, open_stream, record):
    c, handle, result = c_interface, c_void_p(), POINTER(c_interface.Result)()
    format_, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
    stream = open_stream()
    for call in (
        lambda: library.ecg2lab_stream_open(None, byref(format_), None, None, byref(handle)),
        lambda: library.ecg2lab_stream_open(model.handle, None, None, None, byref(handle)),
        lambda: library.ecg2lab_stream_open(model.handle, byref(format_), None, None, None),
        lambda: library.ecg2lab_stream_push(None, None, 0),
        lambda: library.ecg2lab_stream_push(stream.handle, None, 1),
        lambda: library.ecg2lab_stream_next(None, byref(result)),
        lambda: library.ecg2lab_stream_next(stream.handle, None),
        lambda: library.ecg2lab_stream_finish(None),
        lambda: library.ecg2lab_stream_reset(None),
        lambda: library.ecg2lab_stream_patient(None, None),
        lambda: library.ecg2lab_stream_options_init(None, ctypes.sizeof(c.StreamOptions)),
    ):
        assert call() == c.ARGUMENT
        assert library.ecg2lab_last_error().endswith(b"is NULL")
    assert not library.ecg2lab_stream_describe(None)
    assert library.ecg2lab_stream_push(stream.handle, record.samples.ctypes.data, 2**63) == c.ARGUMENT
    library.ecg2lab_stream_free(None)
    for field, value in (("lead_stride", 5), ("lead_count", 0), ("sample_type", 9), ("unit", 0)):
        format_, _kept = model.recording(record.samples, record.leads, record.fs, "mV")
        setattr(format_, field, value)
        assert library.ecg2lab_stream_open(model.handle, byref(format_), None, None, byref(handle)) == c.ARGUMENT
    assert stream.push(record.samples) == c.OK
    assert stream.answers()


def test_answers_that_are_not_taken_fill_a_stream_and_nothing_is_lost(c_interface, open_stream, library, signal):
    """Five seconds may wait behind the first window's end; then a push is refused whole, until an answer was taken."""
    expected = stream_all(open_stream(), signal, (FS,))
    stream, pushed, answers, refused = open_stream(longest_backlog_s=5), 0, [], 0
    while pushed < signal.shape[1]:
        chunk = signal[:, pushed : pushed + FS]
        if stream.push(chunk) == c_interface.OK:
            pushed += chunk.shape[1]
            continue
        refused += 1
        said = library.ecg2lab_last_error().decode()
        assert said.startswith("more than 5 s of signal wait behind an answer that was not taken: take the answers")
        state = library.ecg2lab_stream_describe(stream.handle)[0]
        assert state.received_samples == pushed
        assert state.due >= 5
        result = POINTER(c_interface.Result)()
        library.ecg2lab_stream_next(stream.handle, byref(result))
        answers.append(stream.model.copy(result[0])._replace(json=b""))
        library.ecg2lab_result_free(result)
    assert refused > 20
    assert stream.finish() == c_interface.OK  # whatever waits
    assert answers + stream.answers() == expected


def test_a_push_longer_than_the_backlog_is_taken_and_the_next_is_not(c_interface, open_stream, signal):
    stream = open_stream(longest_backlog_s=1)
    assert stream.push(signal) == c_interface.OK
    assert stream.push(signal[:, :1]) == c_interface.RECORDING
    assert stream.push(signal[:, :0]) == c_interface.OK  # nothing to take
    assert len(stream.answers()) > 30
    assert stream.push(signal[:, :1]) == c_interface.OK


def test_the_usual_backlog_is_ten_minutes(c_interface, open_stream, record):
    stream, minute = open_stream(fs=100, hop_s=5), np.tile(record.samples, 12)[:, :6000]
    pushed = 0
    while stream.push(minute) == c_interface.OK:
        pushed += 1
    assert pushed == 11  # 660 s, of which the first window takes 2.5
    assert stream.library.ecg2lab_stream_reset(stream.handle) == c_interface.OK
    assert stream.push(minute) == c_interface.OK


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), 1e6])
def test_a_backlog_that_cannot_be_meant_is_refused(c_interface, open_stream, seconds):
    stream = open_stream(longest_backlog_s=seconds)
    assert stream.status == c_interface.ARGUMENT
    assert stream.message.startswith("stream: longest_backlog_s ")


def test_a_stream_outlives_its_model(c_interface, library, record):
    short = c_interface.Model(library, DEMO)
    stream = c_interface.Stream(short, record.leads, FS, patient=PATIENT)
    library.ecg2lab_free(short.handle)
    answers = stream_all(stream, record.samples, (500,))
    assert len(answers) == 8
    stream.free()
