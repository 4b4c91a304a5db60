"""A stream: at every hop the window of the whole signal, whatever the chunks; refusals that pass, none hidden."""

import threading

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

import ecg2lab
from ecg2lab.answer.prediction import decide
from ecg2lab.patient.features import encode
from ecg2lab.recording.leads import STANDARD

PATIENT = ecg2lab.Patient(age=63, sex="female")
FS = 500


@pytest.fixture(scope="module")
def signal(recording):
    """Thirty seconds: three of the record, with gaps shorter than a window, some of them across two windows."""
    samples = np.tile(recording.samples, 3)
    for lead, start, length in ((0, 700, 3), (5, 4990, 40), (7, 9000, 600), (2, 12000, 500), (3, 12100, 500)):
        samples[lead, start : start + length] = np.nan
    return samples


def open_stream(engine, **changes):
    return engine.stream(**{"fs": FS, "leads": STANDARD, "unit": "mV", "patient": PATIENT} | changes)


def push_all(stream, samples, lengths):
    """Push chunks of these lengths, again and again, until the samples are spent; then finish."""
    predictions, at, turn = [], 0, 0
    while at < samples.shape[1]:
        predictions += stream.push(samples[:, at : at + lengths[turn % len(lengths)]])
        at, turn = at + lengths[turn % len(lengths)], turn + 1
    return predictions + stream.finish()


def timeless(predictions):
    """Everything but how far the input had gone on, which is the chunks' doing."""
    return [msgspec.structs.replace(p, position=msgspec.structs.replace(p.position, behind_s=0)) for p in predictions]


@pytest.mark.parametrize("lengths", [(17,), (509,), (44100,), (0, 509, 1, 17, 0), (250,)], ids=str)
def test_any_chunks_give_the_same_predictions_to_the_last_bit(engine, signal, lengths):
    expected = push_all(open_stream(engine), signal, (1250,))
    assert [p.position.window for p in expected] == list(range(28))
    assert timeless(push_all(open_stream(engine), signal, lengths)) == timeless(expected)


def test_sample_by_sample(engine, signal):
    short = signal[:, :3000]
    expected = push_all(open_stream(engine), short, (3000,))
    assert timeless(push_all(open_stream(engine), short, (1,))) == timeless(expected)


@pytest.mark.parametrize("fs", [500.0, 360.0, 257.5, 100.0])
def test_every_hop_is_that_window_of_the_whole_signal(engine, signal, fs):
    """The one-shot answer: preprocess everything, cut the window out, run it alone. Bit for bit."""
    samples = signal[:, :6000]
    whole = ecg2lab.preprocess(samples, fs=fs, leads=STANDARD, unit="mV", contract=engine.contract)
    predictions = push_all(open_stream(engine, fs=fs, hop_s=0.5), samples, (1, 17, 509))
    assert len(predictions) == (whole.shape[1] - 250) // 50 + 1
    features = encode(PATIENT, engine.contract)
    for p in predictions:
        window = whole[None, :, 50 * p.position.window :][..., :250]
        outputs = engine.outputs(window, features.continuous[None], features.categorical[None])
        assert p.findings == decide(outputs, features, engine.contract).findings


@pytest.mark.slow
@examples(25)
@given(
    lengths=st.lists(st.integers(0, 2000), min_size=1, max_size=8).filter(any),
    gaps=st.lists(st.tuples(st.integers(0, 7499), st.integers(1, 1700), st.integers(0, 11)), max_size=4),
    hop_s=st.sampled_from([0.33, 1.0, 2.5, 4.0]),
    average_s=st.sampled_from([None, 2.5, 5.0]),
)
def test_any_chunks_gaps_and_refusals(engine, recording, lengths, gaps, hop_s, average_s):
    samples = np.tile(recording.samples, 2)[:, :7500]
    for start, length, lead in gaps:
        samples[lead, start : start + length] = np.nan
    options = {"hop_s": hop_s, "average_s": average_s}
    expected = push_all(open_stream(engine, **options), samples, (7500,))
    assert timeless(push_all(open_stream(engine, **options), samples, lengths)) == timeless(expected)
    for p in expected:
        begin, end = p.position.first_sample, p.position.last_sample + 1
        if not np.isnan(samples[:, begin:end]).any():
            assert p.refusal is None


def test_positions_number_the_input_and_say_how_far_behind_the_answer_is(engine, recording):
    stream = open_stream(engine)
    assert 0 < stream.look_ahead_s <= 0.55
    for n in range(1, 3000 // 25):
        for p in stream.push(recording.samples[:, 25 * (n - 1) : 25 * n]):
            at = p.position
            assert (at.first_sample, at.last_sample) == (500 * at.window, 500 * at.window + 1249)
            assert (at.begin_s, at.end_s, at.since_s) == (at.window, at.window + 2.5, at.window)
            assert at.behind_s == pytest.approx(25 * n / FS - at.end_s, abs=1e-9)
            # A prepared sample spans 5 recorded ones, and a chunk 25: no answer waits for more than that.
            assert at.look_ahead_s - 0.01 <= at.behind_s <= at.look_ahead_s + 0.05
            assert at.begin_time is None


def test_a_hole_that_start_tells_of_is_missing_signal(engine, recording):
    """Short: interpolated. Longer than a window: every window that it touches is refused, and all others answered."""
    for lost in (400, 2000):
        samples = np.tile(recording.samples, 3)
        samples[:, 6000 : 6000 + lost] = np.nan
        expected = push_all(open_stream(engine), samples, (1000,))
        stream = open_stream(engine)
        predictions = stream.push(samples[:, :6000])
        predictions += stream.push(samples[:, 6000 + lost :], start=6000 + lost)
        assert stream.samples_received == 15000
        assert timeless(predictions + stream.finish()) == timeless(expected)
        for p in expected:
            touched = lost == 2000 and p.position.begin_s < 16 and p.position.end_s > 12
            assert (p.refusal is not None) == touched


@pytest.mark.slow
def test_a_hole_of_an_hour_is_filled_in_small_parts_and_a_longer_one_is_another_recording(engine, recording):
    stream = open_stream(engine, hop_s=60.0)
    stream.push(recording.samples)
    predictions = stream.push(np.tile(recording.samples, 6), start=5000 + 3600 * FS)
    assert [p.refusal is None for p in predictions] == [False] * 60 + [True]  # at 1 to 60 minutes, and at 61
    received = stream.samples_received
    with pytest.raises(ecg2lab.RecordingError, match="more than 3600: reset the stream"):
        stream.push(recording.samples, start=received + 3600 * FS + 1)
    assert stream.samples_received == received


@pytest.mark.parametrize("start", [0, 4999, -1, 10**30, 5000.0, True, "5000", np.nan])
def test_samples_that_came_before_and_numbers_that_are_none_are_refused(engine, recording, start):
    stream, other = open_stream(engine), open_stream(engine)
    predictions = stream.push(recording.samples)
    with pytest.raises(ecg2lab.RecordingError, match=r"came before|number of a sample|another recording"):
        stream.push(recording.samples, start=start)
    predictions += stream.push(recording.samples, start=np.int64(5000)) + stream.finish()
    assert timeless(predictions) == timeless(push_all(other, np.tile(recording.samples, 2), (5000,)))


def test_a_lead_that_falls_off_is_named_at_once_and_its_windows_are_refused_until_it_is_back(engine, recording):
    samples = np.tile(recording.samples, 3)
    samples[7, 6000:8000] = np.nan  # V2, 12 s to 16 s
    stream, off = open_stream(engine, longest_gap_s=0.5), []
    predictions = []
    for at in range(0, 15000, 50):
        predictions += stream.push(samples[:, at : at + 50])
        off.append(stream.leads_off)
    assert [at for at in range(300) if off[at]] == list(range(124, 160))  # from half a second on
    assert set(off) == {(), ("V2",)}
    for p in predictions + stream.finish():
        touched = p.position.begin_s < 16 and p.position.end_s > 12
        assert (p.refusal is not None) == touched
        if touched:
            assert p.refusal.type == "QualityError"
            assert p.refusal.message.startswith("lead V2 without")
            assert (p.findings, p.recording.windows) == ((), 0)
            with pytest.raises(ecg2lab.QualityError, match="lead V2 without"):
                p[engine.contract.targets[0].name]


def test_the_sentence_of_a_short_limit_names_it(engine, recording):
    samples = recording.samples.copy()
    samples[0, 2000:2300] = np.nan
    refused = [p.refusal for p in push_all(open_stream(engine, longest_gap_s=0.5), samples, (100,)) if p.refusal]
    assert refused
    assert all("lead I without values for 0.5 s or longer" in refusal.message for refusal in refused)


def test_a_window_is_judged_as_a_recording_of_it_is(engine, recording):
    """Every figure, to the last bit; a derived lead contradicts nothing, and is measured like the others."""
    samples = np.tile(recording.samples, 2)
    samples[4, 4000:6000] += 0.2 * np.random.default_rng(0).standard_normal(2000)  # muscle
    samples[9, 7000:7100] = np.nan
    for p in push_all(open_stream(engine), samples, (333,)):
        part = samples[:, p.position.first_sample : p.position.last_sample + 1]
        alone = ecg2lab.Recording(part, fs=FS, leads=STANDARD, unit="mV")
        if p.refusal is None:
            assert p.recording.quality == engine.predict(alone, PATIENT).recording.quality
            continue
        with pytest.raises(ecg2lab.QualityError) as refused:
            engine.predict(alone, PATIENT)
        assert (p.refusal.message, p.recording.quality) == (str(refused.value), refused.value.quality)


def test_noise_is_said_while_it_lasts(engine, recording):
    samples = np.tile(recording.samples, 3)
    samples[8, 5000:10000] += 0.3 * np.random.default_rng(0).standard_normal(5000)
    noisy = {
        p.position.window: any((f.fault, f.lead) == ("noise", STANDARD[8]) for f in p.recording.quality.faults)
        for p in push_all(open_stream(engine), samples, (500,))
    }
    assert {k for k, said in noisy.items() if said} >= set(range(10, 18))  # windows that lie within it
    assert not {k for k, said in noisy.items() if said} & {*range(8), *range(20, 28)}


def test_an_average_is_over_the_windows_within_its_seconds(engine, signal):
    single = push_all(open_stream(engine, hop_s=0.5), signal, (777,))
    averaged = push_all(open_stream(engine, hop_s=0.5, average_s=4.0), signal, (777,))
    probability = np.array([[f.probability for f in p.findings] for p in single])
    for k, p in enumerate(averaged):
        first = max(0, k - 3)  # 4 s hold windows that begin 0, 0.5, 1 and 1.5 s before the latest
        assert (p.recording.windows, p.position.since_s) == (k - first + 1, first * 0.5)
        expected = probability[first : k + 1].mean(axis=0)  # the contract of this model calibrates nothing
        np.testing.assert_allclose([f.probability for f in p.findings], expected, atol=1e-12)
        assert [f.highest for f in p.findings] == pytest.approx(list(probability[first : k + 1].max(axis=0)))


def test_refused_windows_leave_an_average_and_are_not_counted(engine, recording):
    samples = np.tile(recording.samples, 3)
    samples[:, 6000:8000] = np.nan
    for p in push_all(open_stream(engine, average_s=7.5), samples, (500,)):
        last = p.position.window
        expected = 0 if 10 <= last < 16 else sum(not 10 <= k < 16 for k in range(max(0, last - 5), last + 1))
        assert p.recording.windows == expected


def test_every_form_of_samples(engine, recording):
    expected = [p.findings for p in push_all(open_stream(engine), recording.samples, (509,))]
    counts = np.round(recording.samples * 1000).astype(np.int16)
    order = np.random.default_rng(0).permutation(12)
    forms = {
        "counts": (counts, {"unit": "adc", "gain": 1000}),
        "shifted": (counts + np.int16(100), {"unit": "adc", "gain": 1000, "baseline": 100}),
        "reordered": (recording.samples[order], {"leads": [STANDARD[i].lower() for i in order]}),
    }
    for samples, options in forms.values():
        found = [p.findings for p in push_all(open_stream(engine, **options), samples, (509,))]
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                [f.probability for f in ours], [f.probability for f in theirs], atol=1e-6
            )  # the record holds thousandths of a millivolt, and so do the counts


def test_wanted_targets_source_and_patient_go_with_every_prediction(engine, recording):
    name = engine.contract.targets[3].name
    stream = open_stream(engine, targets=name, source={"bed": "7"})
    for p in push_all(stream, recording.samples, (509,)):
        assert ([f.target for f in p.findings], p.source) == ([name], {"bed": "7"})
        assert p.patient.given == {"age": 63, "sex": "female"}
        assert isinstance(p, ecg2lab.Prediction)
        assert msgspec.json.decode(p.to_json(), type=ecg2lab.StreamPrediction) == p


def test_what_the_patient_becomes_holds_for_the_windows_that_come(engine, recording):
    stream = open_stream(engine, patient=ecg2lab.Patient(age=30))
    first = stream.push(np.tile(recording.samples, 2))
    with pytest.raises(ecg2lab.PatientError, match="18 years"):
        stream.set_patient(ecg2lab.Patient(age=17))
    stream.set_patient(ecg2lab.Patient(age=88))
    later = stream.push(recording.samples)
    assert (first[0].patient.given["age"], later[-1].patient.given["age"]) == (30, 88)
    assert first[0].findings != later[-1].findings


def test_reset_begins_anew_and_an_ended_stream_takes_nothing(engine, recording):
    stream = open_stream(engine, average_s=5.0)
    expected = push_all(stream, recording.samples, (500,))
    for call in (stream.finish, lambda: stream.push(recording.samples[:, :0]), lambda: stream.push(recording.samples)):
        with pytest.raises(ecg2lab.RecordingError, match="the stream has ended: reset it first"):
            call()
    stream.reset()
    assert timeless(push_all(stream, recording.samples, (501,))) == timeless(expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((12, 5), np.inf), "infinite samples"),
        (np.zeros((11, 5)), "do not have a row for each of 12 leads"),
        (np.zeros((5, 12)), "transpose it"),
        (np.zeros((11, 0)), "do not have a row"),
        (np.zeros(12), "array"),
        (np.zeros((12, 5), complex), "real numbers"),
        ([[1.0], [2.0, 3.0]], "different lengths"),
        (None, "real numbers"),
    ],
)
def test_bad_samples_are_refused_and_none_is_taken(engine, recording, bad, message):
    stream = open_stream(engine)
    first = stream.push(recording.samples)
    with pytest.raises(ecg2lab.RecordingError, match=message):
        stream.push(bad, start=6000)
    assert stream.samples_received == 5000
    rest = stream.push(recording.samples) + stream.finish()
    assert timeless(first + rest) == timeless(push_all(open_stream(engine), np.tile(recording.samples, 2), (10000,)))


REFUSED = {
    "lead missing": ({"leads": ("I", "II", "V1")}, ecg2lab.RecordingError, "missing leads: V2, V3, V4, V5, V6"),
    "lead unknown": ({"leads": ("I", "II", "X9")}, ecg2lab.RecordingError, "unknown lead"),
    "leads a word": ({"leads": "I"}, ecg2lab.RecordingError, "leads must be a list"),
    "rate": ({"fs": 99}, ecg2lab.RecordingError, "outside 100 to 2000 Hz"),
    "rate ratio": ({"fs": 100 * np.pi}, ecg2lab.RecordingError, "this recording cannot be used"),
    "unit": ({"unit": "mm"}, ecg2lab.RecordingError, "unknown unit"),
    "no gain": ({"unit": "adc"}, ecg2lab.RecordingError, "needs the gain"),
    "age": ({"patient": ecg2lab.Patient(age=17)}, ecg2lab.PatientError, "18 years"),
    "patient": ({"patient": {"age": 30}}, ecg2lab.PatientError, "wants an ecg2lab.Patient"),
    "hop": ({"hop_s": 0.333}, ecg2lab.ContractError, "hop_s 0.333 is not a whole number of samples at 100 Hz"),
    "no hop": ({"hop_s": 0}, ecg2lab.ContractError, "hop_s 0 is not"),
    "hop beyond float64": ({"hop_s": 10**400}, ecg2lab.ContractError, "is not a whole number"),
    "hop nan": ({"hop_s": np.nan}, ecg2lab.ContractError, "is not a whole number"),
    "hop a word": ({"hop_s": "1"}, ecg2lab.ContractError, "must be a number of seconds"),
    "gap": ({"longest_gap_s": 2.6}, ecg2lab.ContractError, "not between 0 and a window"),
    "average short": ({"average_s": 2.4}, ecg2lab.ContractError, "not between a window"),
    "average long": ({"average_s": 3601}, ecg2lab.ContractError, "not between a window"),
    "average nan": ({"average_s": np.nan}, ecg2lab.ContractError, "not between a window"),
    "target": ({"targets": "gold"}, ecg2lab.ContractError, "unknown target"),
    "source": ({"source": 7}, ecg2lab.RecordingError, "source must be a mapping"),
    "by": ({"by": "magic"}, ecg2lab.ContractError, "by must be"),
    "no state": ({"by": "state"}, ecg2lab.BackendError, "has no step graph"),
}


@pytest.mark.parametrize(("change", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_a_stream_that_cannot_be_is_not_opened(engine, change, error, message):
    with pytest.raises(error, match=message):
        open_stream(engine, **change)


def test_a_model_that_filters_both_ways_has_no_stream(bundle, contract, doctored):
    band = {"low_hz": 0.5, "high_hz": 40.0, "order": 4}
    steps = msgspec.convert(
        {**msgspec.to_builtins(contract.preprocessing), "band_pass": band}, type(contract.preprocessing)
    )
    filtering = doctored(bundle, {}, contract=msgspec.structs.replace(contract, preprocessing=steps))
    with ecg2lab.load(filtering) as engine, pytest.raises(ecg2lab.BackendError, match="it has no stream"):
        open_stream(engine)


def test_a_closed_engine_has_no_stream_and_answers_none(bundle, recording):
    engine = ecg2lab.load(bundle, threads=1)
    stream = open_stream(engine)
    engine.close()
    with pytest.raises(ecg2lab.BackendError, match="closed"):
        stream.push(recording.samples)
    with pytest.raises(ecg2lab.BackendError, match="closed"):
        open_stream(engine)


@pytest.fixture
def failing(engine, monkeypatch):
    """`failing(n)`: the engine fails at its nth window, once, as when a GPU is lost."""
    outputs = engine.outputs

    def at(number):
        calls = []

        def fail(*inputs):
            calls.append(inputs)
            if len(calls) == number:
                raise ecg2lab.DeviceLostError("the GPU failed")
            return outputs(*inputs)

        monkeypatch.setattr(engine, "outputs", fail)

    return at


@pytest.mark.parametrize("number", [1, 3])
def test_no_answer_is_lost_with_a_failure_in_a_long_push(engine, recording, failing, number):
    expected = open_stream(engine).push(recording.samples)
    failing(number)
    stream = open_stream(engine)
    if number == 1:
        with pytest.raises(ecg2lab.DeviceLostError):
            stream.push(recording.samples)
        answered = []
    else:
        answered = stream.push(recording.samples)
        assert len(answered) == number - 1
    restored = open_stream(engine)
    restored.restore(stream.save())
    assert answered + restored.push(recording.samples[:, :0]) == expected


def test_a_backend_that_fails_for_ten_minutes_loses_nothing_and_takes_no_more(engine, recording, monkeypatch):
    """Then a push that fails takes nothing; answers before a failure wait for the next."""
    minute, seen = np.tile(recording.samples, 6), []
    slow = minute[:, ::5]  # at the model's own rate
    expected = open_stream(engine, fs=100, hop_s=5)
    wanted = [answer for _ in range(11) for answer in expected.push(slow)]
    works = engine.outputs
    fails = {"after": 0}

    def outputs(*inputs):
        fails["after"] -= 1
        if fails["after"] < 0:
            raise ecg2lab.DeviceLostError("the GPU failed")
        return works(*inputs)

    monkeypatch.setattr(engine, "outputs", outputs)
    stream = open_stream(engine, fs=100, hop_s=5)
    for taken in (*range(1, 12), 11, 11):
        with pytest.raises(ecg2lab.DeviceLostError):
            stream.push(slow)
        assert stream.samples_received == 6000 * taken
    fails["after"] = 3  # three answers, and it fails again
    with pytest.raises(ecg2lab.DeviceLostError):
        stream.push(slow)
    assert stream.samples_received == 6000 * 11
    with pytest.raises(ecg2lab.BackendError, match="push again before it is saved"):
        stream.save()
    fails["after"] = 10**9
    seen = stream.push(slow[:, :0])
    assert timeless(seen) == timeless(wanted)


def test_a_finish_that_failed_is_finished_by_the_next(engine, recording, failing):
    """The last windows wait for what follows them, of which resampling takes a part."""
    expected = open_stream(engine, hop_s=0.1)
    before, last = expected.push(recording.samples), expected.finish()
    assert len(last) >= 2
    failing(len(before) + 2)
    stream = open_stream(engine, hop_s=0.1)
    assert stream.push(recording.samples) == before
    with pytest.raises(ecg2lab.DeviceLostError):
        stream.finish()
    with pytest.raises(ecg2lab.BackendError, match="call finish again before it is saved"):
        stream.save()
    assert stream.finish() == last
    with pytest.raises(ecg2lab.RecordingError, match="ended"):
        stream.finish()


def test_many_beds_share_one_engine_in_threads(engine, recording):
    """Each bed its own signal; each answers as it does alone."""
    beds = [np.roll(np.tile(recording.samples, 2), 371 * bed, axis=1) for bed in range(8)]
    expected = [timeless(push_all(open_stream(engine), samples, (250,))) for samples in beds]
    found = [None] * len(beds)

    def work(bed):
        found[bed] = timeless(push_all(open_stream(engine), beds[bed], (250,)))

    threads = [threading.Thread(target=work, args=(bed,)) for bed in range(len(beds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


def test_threads_on_one_stream_wait_for_each_other(engine):
    """Equal chunks, in whatever order: every hop is answered once, in order within each push."""
    stream, answers = open_stream(engine, hop_s=0.5), []
    chunk = np.tile(np.linspace(-1, 1, 250), (12, 1)) * np.arange(1, 13)[:, None] / 12

    def work():
        for _ in range(10):
            answers.extend(p.position.window for p in stream.push(chunk))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers += [p.position.window for p in stream.finish()]
    assert stream.samples_received == 10000
    assert sorted(answers) == list(range((2000 - 250) // 50 + 1))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_signal(engine, recording):
    """The saved state holds all that is kept: after an hour as much as in the first seconds. A hop of a minute, so that
    the hour costs a moment.
    """
    stream, sizes = open_stream(engine, hop_s=60.0, average_s=3600.0), []
    second = np.zeros((12, 500)) + recording.samples[:, :500]
    for at in range(3600):
        stream.push(second)
        if at % 60 in (0, 2, 30):
            sizes.append(len(stream.save()))
    window = engine.outputs(np.zeros((1, 12, 250)), np.zeros((1, 10)), np.zeros((1, 2), int))
    answers = 60 * (4 * sum(array.shape[1] for array in window.arrays) + 32)
    assert max(sizes) <= max(sizes[:6]) + answers
