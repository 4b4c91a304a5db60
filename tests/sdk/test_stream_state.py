"""What a stream remembers: a causal model's state, saved streams, and the caller's clock."""

import subprocess
import sys

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

import ecg2lab
from ecg2lab._native import _core
from ecg2lab.patient.features import encode
from ecg2lab.recording.leads import STANDARD
from ecg2lab.stream import network as stream_network
from ecg2lab.stream import state as stream_state
from ecg2lab.stream.clock import Clock

PATIENT = ecg2lab.Patient(age=63, sex="female")
FS = 500


@pytest.fixture(scope="module")
def causal_engine(causal_bundle):
    with ecg2lab.load(causal_bundle, threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="module", params=["windows", "state"])
def any_engine(request, engine, causal_engine):
    """One of each way to answer."""
    return engine if request.param == "windows" else causal_engine


def open_stream(engine, **changes):
    return engine.stream(**{"fs": FS, "leads": STANDARD, "unit": "mV", "patient": PATIENT} | changes)


def push_all(stream, samples, length=509):
    predictions = []
    for at in range(0, samples.shape[1], length):
        predictions += stream.push(samples[:, at : at + length])
    return predictions + stream.finish()


def timeless(predictions):
    return [msgspec.structs.replace(p, position=msgspec.structs.replace(p.position, behind_s=0)) for p in predictions]


def probabilities(prediction):
    return np.array([finding.probability for finding in prediction.findings])


class TestState:
    """A causal model: each sample once."""

    def test_every_answer_rests_on_all_signal_and_is_that_of_the_step_graph(self, causal_engine, recording):
        """The whole signal prepared at once and run from its beginning to each window's end. The tolerance is the step
        graph's own between chunks of different size.
        """
        samples = np.tile(recording.samples, 2)
        whole = ecg2lab.preprocess(samples, fs=FS, leads=STANDARD, unit="mV", contract=causal_engine.contract)
        features, graph = encode(PATIENT, causal_engine.contract), causal_engine.step_graph()
        predictions = push_all(open_stream(causal_engine, hop_s=0.5), samples)
        assert len(predictions) == 36
        for p in predictions:
            until = whole[None, :, : 50 * p.position.window + 250]
            logits, _ = graph.run(until, features.continuous[None], features.categorical[None], graph.initial())
            np.testing.assert_allclose(probabilities(p), 1 / (1 + np.exp(-logits[0])), atol=1e-5)
            assert (p.position.since_s, p.recording.windows) == (0, 1)

    def test_the_first_answer_is_the_window_graphs(self, causal_engine, recording):
        by_state = push_all(open_stream(causal_engine), recording.samples)[0]
        by_windows = push_all(open_stream(causal_engine, by="windows"), recording.samples)[0]
        np.testing.assert_allclose(probabilities(by_state), probabilities(by_windows), atol=1e-5)

    def test_any_chunks_give_the_same_bits(self, causal_engine, recording):
        samples = np.tile(recording.samples, 2)
        expected = timeless(push_all(open_stream(causal_engine), samples, 10000))
        for length in (17, 509, 44100):
            assert timeless(push_all(open_stream(causal_engine), samples, length)) == expected

    def test_what_really_answers_is_said(self, causal_engine):
        stream = open_stream(causal_engine)
        assert (stream.by, stream.info.backend, stream.info.form) == ("state", "onnxruntime", "step")
        assert stream.info.provider == "CPUExecutionProvider"
        assert "onnxruntime" in stream.info.versions
        by_windows = open_stream(causal_engine, by="windows")
        assert (by_windows.by, by_windows.info) == ("windows", causal_engine.info)

    def test_a_lead_that_was_off_leaves_nothing_in_the_state(self, causal_engine, recording):
        """After the last refused window the state is as new: the answer is that of the window alone."""
        samples = np.tile(recording.samples, 3)
        samples[7, 6000:8000] = np.nan
        predictions = push_all(open_stream(causal_engine), samples)
        assert [p.position.window for p in predictions if p.refusal] == list(range(10, 16))
        assert {p.position.since_s for p in predictions[16:]} == {16}
        fresh = push_all(open_stream(causal_engine, by="windows"), samples)[16]
        np.testing.assert_allclose(probabilities(predictions[16]), probabilities(fresh), atol=1e-5)

    def test_a_state_that_can_count_no_further_begins_anew(self, causal_engine, recording, monkeypatch):
        monkeypatch.setattr(stream_network, "MOST_IN_A_STATE", 500)
        since = [p.position.since_s for p in push_all(open_stream(causal_engine), np.tile(recording.samples, 2))]
        assert since == [0, 0, 0, *[3] * 3, *[6] * 3, *[9] * 3, *[12] * 3, *[15] * 3]

    @pytest.mark.parametrize(
        ("change", "message"),
        [({"average_s": 5.0}, "average_s belongs to by='windows'"), ({"hop_s": 2.6}, "longer than a window")],
    )
    def test_options_that_a_state_cannot_have_are_refused(self, causal_engine, change, message):
        with pytest.raises(ecg2lab.ContractError, match=message):
            open_stream(causal_engine, **change)

    def test_a_closed_engine_answers_no_stream(self, causal_bundle, recording):
        engine = ecg2lab.load(causal_bundle, threads=1)
        stream = open_stream(engine)
        engine.close()
        with pytest.raises(ecg2lab.BackendError, match="closed"):
            stream.push(recording.samples)

    def test_without_onnx_runtime_the_extra_is_named_and_windows_remain(self, causal_bundle):
        code = f"""
import sys; sys.modules["onnxruntime"] = None
import ecg2lab
from ecg2lab.recording.leads import STANDARD
engine = ecg2lab.load({str(causal_bundle)!r}, threads=1)
form = dict(fs=500, leads=STANDARD, unit="mV")
print(engine.stream(**form, by="windows").by)
try: engine.stream(**form)
except ecg2lab.MissingExtraError as error: print(error)
"""
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert shown.startswith("windows\n")
        assert "pip install 'ecg2lab[onnx]'" in shown


class TestSaved:
    """Save and resume."""

    @pytest.mark.parametrize("cut", [0, 1, 900, 1500, 6020, 6700, 14999, 15000])
    def test_a_restored_stream_goes_on_with_the_same_bits(self, any_engine, recording, cut):
        """Cut before anything came, before the first window, in a gap, after it, at the end."""
        samples = np.tile(recording.samples, 3)
        samples[7, 6000:6700] = samples[2, 9000:11000] = np.nan
        expected = push_all(open_stream(any_engine), samples)
        first, second = open_stream(any_engine), open_stream(any_engine)
        before = first.push(samples[:, :cut])
        second.push(np.zeros((12, 4321)))
        second.restore(first.save())
        assert second.save() == first.save()
        assert second.samples_received == cut
        assert timeless(before + push_all(second, samples[:, cut:])) == timeless(expected)

    @pytest.mark.slow
    @examples(15)
    @given(cuts=st.lists(st.integers(0, 7500), min_size=1, max_size=4))
    def test_averages_survive_any_number_of_resumptions(self, engine, recording, cuts):
        samples = np.tile(recording.samples, 2)[:, :7500]
        options = {"average_s": 6.0, "hop_s": 0.5}
        predictions, at = [], 0
        stream = open_stream(engine, **options)
        for cut in [*sorted(cuts), 7500]:
            predictions += stream.push(samples[:, at:cut])
            state, stream, at = stream.save(), open_stream(engine, **options), cut
            stream.restore(state)
        expected = push_all(open_stream(engine, **options), samples)
        assert timeless(predictions + stream.finish()) == timeless(expected)

    def test_an_ended_stream_is_restored_as_ended(self, engine, recording):
        stream, other = open_stream(engine), open_stream(engine)
        push_all(stream, recording.samples)
        other.restore(stream.save())
        with pytest.raises(ecg2lab.RecordingError, match="has ended"):
            other.push(recording.samples)

    def test_damage_is_found_and_changes_nothing(self, any_engine, recording):
        stream, other = open_stream(any_engine), open_stream(any_engine)
        stream.push(recording.samples)
        other.push(recording.samples[:, :3000])
        state, kept = stream.save(), other.save()
        random = np.random.default_rng(0)
        bad = [b"", state[:16], state[:40], state[:-1], state + b"\0", bytearray(state), "state", None]
        for position in random.integers(0, len(state), 100):
            damaged = bytearray(state)
            damaged[position] ^= 1 << random.integers(8)
            bad.append(bytes(damaged))
        for damaged in bad:
            with pytest.raises(ecg2lab.BackendError, match="state"):
                other.restore(damaged)
        assert other.save() == kept

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"fs": 250}, "fs"),
            ({"leads": STANDARD[::-1]}, "leads"),
            ({"hop_s": 0.5}, "hop"),
            ({"average_s": 5.0}, "average"),
            ({"longest_gap_s": 1.0}, "longest_gap_s"),
        ],
    )
    def test_a_state_of_other_settings_is_refused(self, engine, change, name):
        with pytest.raises(ecg2lab.BackendError, match=f"another {name}"):
            open_stream(engine, **change).restore(open_stream(engine).save())

    def test_a_state_of_another_model_is_refused(self, engine, causal_engine):
        with pytest.raises(ecg2lab.BackendError, match="another model"):
            open_stream(engine).restore(open_stream(causal_engine, by="windows").save())

    def test_a_state_that_was_made_by_hand_does_no_harm(self, any_engine, recording):
        """Its seals are right, its content is not: refused, or run without a crash."""
        stream = open_stream(any_engine)
        stream.push(recording.samples)
        saved = stream_state.decode(stream.save(), stream._settings)
        number, content = saved.network[-1]
        changes = [
            {"network": [*saved.network, (number, content)]},
            {"network": [(number, content[:-4])]},
            {"network": [(number, b"\xff" * len(content))]},
            {"network": [(number, b"")]},
            {"windows": b""},
            {"windows": saved.windows[:-9]},
            {"windows": open_stream(any_engine, hop_s=2.0)._windows.save()},
        ]
        for change in changes:
            other = open_stream(any_engine)
            with pytest.raises(ecg2lab.BackendError, match="state"):
                other.restore(stream_state.encode(msgspec.structs.replace(saved, **change)))
            assert other.save() == open_stream(any_engine).save()
        for numbered in (-(2**63), -1, 2**63 - 1):
            other = open_stream(any_engine)
            other.restore(stream_state.encode(msgspec.structs.replace(saved, network=[(numbered, content)])))
            assert other.push(recording.samples)[-1].findings

    @pytest.mark.parametrize("value", [-(2**63), -1, 1, 1 << 40, 2**63 - 1])
    def test_every_number_of_the_cores_state_replaced(self, engine, recording, value):
        """Behind a right seal: refused, or run without a crash."""
        stream = open_stream(engine)
        stream.push(recording.samples[:, :3])
        header = b"ecg2lab windows 1\n"
        body = stream._windows.save()[len(header) : -8]
        for at in range(0, len(body) - 7, 4):
            changed = body[:at] + value.to_bytes(8, "little", signed=True) + body[at + 8 :]
            other = open_stream(engine, targets=())
            try:
                other._windows.restore(header + changed + seal(changed).to_bytes(8, "little"))
            except ValueError:
                continue
            other.push(recording.samples[:, :700])


def seal(body):
    """64-bit FNV-1a, as the core's seal."""
    value = 0xCBF29CE484222325
    for byte in body:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


class TestClock:
    """Times beside the samples."""

    def test_times_that_fit_change_nothing_but_what_is_said(self, engine, recording):
        """Packets of a quarter of a second, up to 0.1 s late, by a clock that is 0.1 % off."""
        samples, random = np.tile(recording.samples, 6), np.random.default_rng(0)
        stream, predictions = open_stream(engine), []
        for at in range(0, 30000, 125):
            time = 1e9 + at / FS * 1.001 + random.uniform(0, 0.1)
            predictions += stream.push(samples[:, at : at + 125], time=time)
        for p in predictions:
            assert p.position.begin_time == pytest.approx(1e9 + p.position.begin_s * 1.001, abs=0.11)
        silent = push_all(open_stream(engine), samples)[: len(predictions)]
        assert [p.findings for p in predictions] == [p.findings for p in silent]

    @pytest.mark.parametrize("jump", [0.3, -0.3, 3600.0, -1e9])
    def test_a_clock_that_jumps_is_refused_and_nothing_is_taken(self, engine, recording, jump):
        stream = open_stream(engine)
        stream.push(recording.samples, time=100.0)
        with pytest.raises(ecg2lab.RecordingError, match="if samples were lost, say start"):
            stream.push(recording.samples, time=110.0 + jump)
        assert stream.samples_received == 5000
        stream.push(recording.samples, time=110.0)
        assert stream.samples_received == 10000

    def test_a_jump_that_start_explains_is_a_hole(self, engine, recording):
        stream = open_stream(engine)
        stream.push(recording.samples, time=100.0)
        stream.push(recording.samples, start=6500, time=113.0)
        assert stream.samples_received == 11500

    @pytest.mark.parametrize("rate", [250.0, 480.0, 520.0, 1000.0])
    def test_another_rate_is_told_from_the_times(self, engine, recording, rate):
        """Small packets: no two are a jitter apart, but after twenty seconds of signal the rate is known."""
        stream = open_stream(engine, hop_s=60.0)
        for at in range(0, 20 * FS, 50):
            stream.push(recording.samples[:, :50], time=at / rate)
        with pytest.raises(ecg2lab.RecordingError, match=f"come at {rate:g} Hz, not at 500 Hz"):
            stream.push(recording.samples[:, :50], time=20 * FS / rate)
        assert stream.samples_received == 20 * FS

    @pytest.mark.parametrize("rate", [495.0, 505.0])
    def test_a_rate_within_the_tolerance_passes_for_hours(self, rate):
        clock = Clock(500.0)
        for number in range(0, 500 * 7200, 500):
            clock.accept(clock.check(number, number / rate))

    @pytest.mark.parametrize("time", [np.nan, np.inf, 10**400, "now", True, 1 + 1j, [0.0]])
    def test_what_is_no_time_is_refused(self, engine, recording, time):
        stream = open_stream(engine)
        with pytest.raises(ecg2lab.RecordingError, match="time must be a finite number"):
            stream.push(recording.samples, time=time)
        assert stream.samples_received == 0

    def test_the_clock_is_saved_and_forgotten_with_the_stream(self, engine, recording):
        stream, other = open_stream(engine), open_stream(engine)
        stream.push(recording.samples, time=100.0)
        other.restore(stream.save())
        with pytest.raises(ecg2lab.RecordingError, match="by their times"):
            other.push(recording.samples, time=500.0)
        other.reset()
        other.push(recording.samples, time=500.0)


def test_the_cores_windows_refuse_a_state_of_another_hop(contract):
    native = _core.Contract.decode(msgspec.json.encode(contract))
    one, two = (_core.WindowStream(native, STANDARD, 500.0, hop, 2.5) for hop in (1.0, 2.0))
    with pytest.raises(ValueError, match="other settings"):
        two.restore(one.save())
