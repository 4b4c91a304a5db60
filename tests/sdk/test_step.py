"""The step from the SDK: a pure function of samples and state; a state of another model, batch or file is refused."""

import dataclasses
import threading

import numpy as np
import pytest

import ecg2lab
from ecg2lab.bundle import Bundle, StepShape
from ecg2lab.errors import BackendError, BundleError
from ecg2lab.stream.step import StepGraph, StepState


@pytest.fixture(scope="module")
def step(causal_bundle):
    return StepGraph.of(Bundle.open(causal_bundle))


@pytest.fixture(scope="module")
def io(records):
    with np.load(records / "parity" / "causal-small" / "io.npz") as stored:
        return dict(stored)


def advance(step, io, start, stop, state, rows=slice(None)):
    return step.run(io["signal"][rows, :, start:stop], io["continuous"][rows], io["categorical"][rows], state)


def bits(state):
    return state.values.tobytes(), state.samples, state.model


def test_an_engine_hands_out_the_step(causal_bundle, io):
    with ecg2lab.load(causal_bundle, threads=1) as engine:
        step = engine.step_graph()
    logits, state = advance(step, io, 0, 250, step.initial(4))
    np.testing.assert_allclose(logits, io["logits"], rtol=0, atol=1e-5)  # the limit of every form
    assert state.samples == 250
    assert state.model == Bundle.open(causal_bundle).digest


def test_a_bidirectional_model_has_none_and_says_why(engine, bundle):
    for ask in (engine.step_graph, lambda: StepGraph.of(Bundle.open(bundle))):
        with pytest.raises(
            BackendError,
            match=r"no step graph: the model is bidirectional, so each output waits for the whole window",
        ):
            ask()


def test_the_old_state_stays_valid(step, io):
    """A pure function: the same samples after the same state give the same bits, however often, in whatever order."""
    state = advance(step, io, 0, 100, step.initial(4))[1]
    before = bits(state)
    first = advance(step, io, 100, 130, state)
    advance(step, io, 0, 250, state)
    again = advance(step, io, 100, 130, state)
    assert bits(state) == before
    np.testing.assert_array_equal(first[0], again[0])
    assert bits(first[1]) == bits(again[1])


def test_a_state_cannot_be_exchanged_by_accident(step):
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.initial().samples = 3


def test_beginning_anew_forgets_everything(step, io):
    fresh = advance(step, io, 0, 50, step.initial(4))
    used = advance(step, io, 50, 250, fresh[1])[1]
    assert bits(used) != bits(step.initial(4))
    again = advance(step, io, 0, 50, step.initial(4))
    np.testing.assert_array_equal(again[0], fresh[0])
    assert bits(again[1]) == bits(fresh[1])


@pytest.mark.parametrize("at", [1, 7, 131, 249])
def test_a_state_that_was_kept_as_bytes_goes_on_with_the_same_bits(step, io, at):
    state = advance(step, io, 0, at, step.initial(4))[1]
    kept = StepState.from_bytes(state.to_bytes())
    assert bits(kept) == bits(state)
    one, other = (advance(step, io, at, 250, x) for x in (state, kept))
    np.testing.assert_array_equal(one[0], other[0])
    assert one[1].to_bytes() == other[1].to_bytes()


def test_two_patients_in_one_batch_are_what_they_are_alone(step, io):
    together, _ = advance(step, io, 0, 250, step.initial(2), rows=slice(0, 2))
    for row in range(2):
        alone, _ = advance(step, io, 0, 250, step.initial(), rows=slice(row, row + 1))
        np.testing.assert_allclose(alone[0], together[row], rtol=0, atol=1e-5)


def test_four_threads_with_states_of_their_own_do_not_disturb_each_other(step, io):
    expected = [advance(step, io, 0, 250, step.initial(), rows=slice(i, i + 1))[0] for i in range(4)]
    found = [[] for _ in expected]

    def work(i):
        for _ in range(5):
            found[i].append(advance(step, io, 0, 250, step.initial(), rows=slice(i, i + 1))[0])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for results, right in zip(found, expected, strict=True):
        assert len(results) == 5
        for result in results:
            np.testing.assert_array_equal(result, right)


def refused(step, io, match, state=None, **changes):
    given = {key: io[key] for key in ("signal", "continuous", "categorical")} | changes
    with pytest.raises(BackendError, match=match):
        step.run(**given, state=state or step.initial(4))


def test_a_state_of_another_model_is_refused(step, io):
    refused(step, io, "another model", state=dataclasses.replace(step.initial(4), model="f" * 64))


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_a_state_of_another_batch_is_refused(step, io, batch):
    refused(step, io, f"state is of {batch} windows, the signal of 4", state=step.initial(batch))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_refused(step, io, value):
    """It would stay in the state for ever and make every later answer silent nonsense."""
    signal = io["signal"].copy()
    signal[2, 5, 100] = value
    refused(step, io, "not finite", signal=signal)


def test_no_samples_are_refused(step, io):
    refused(step, io, "no samples", signal=io["signal"][:, :, :0])


@pytest.mark.parametrize("shape", [(4, 250), (4, 11, 250), (4, 13, 250), (4, 12, 250, 1)])
def test_a_signal_of_another_shape_is_refused(step, io, shape):
    refused(step, io, r"must have shape \(B, 12, T\)", signal=np.zeros(shape, np.float32))


FEATURES = {
    "too few": ({"continuous": np.zeros((4, 9))}, "continuous must have shape"),
    "too many": ({"categorical": np.zeros((4, 3), np.int64)}, "categorical must have shape"),
    "another batch": ({"continuous": np.zeros((3, 10))}, "batches differ: 4 signal, 3 continuous, 4 categorical"),
    "ragged": ({"continuous": [[1.0] * 10, [1.0]]}, "continuous must be one array"),
    "words": ({"continuous": np.full((4, 10), "x")}, "continuous must hold real numbers"),
    "no integers": ({"categorical": np.zeros((4, 2), np.float32)}, "categorical must hold integers"),
    "not a number": ({"continuous": np.full((4, 10), np.nan)}, "continuous has values that are not finite"),
    "beyond float32": ({"continuous": np.full((4, 10), 1e39)}, "continuous has values that are not finite"),
    "no such category": ({"categorical": np.full((4, 2), 99)}, "a code outside 0 to"),
    "below every category": ({"categorical": np.full((4, 2), -1)}, "a code outside 0 to"),  # an index from the end
}


@pytest.mark.parametrize(("changes", "message"), FEATURES.values(), ids=FEATURES)
def test_features_that_do_not_fit_are_refused_as_the_engine_refuses_them(step, io, causal_bundle, changes, message):
    given = {key: io[key] for key in ("signal", "continuous", "categorical")} | changes
    with np.errstate(over="ignore"):
        refused(step, io, message, **changes)
        with ecg2lab.load(causal_bundle, threads=1) as engine, pytest.raises(BackendError, match=message):
            engine.run(**given)


def test_real_numbers_of_any_type_are_taken_as_the_engine_takes_them(step, io):
    logits, _ = advance(step, io, 0, 250, step.initial(4))
    wide = {"signal": io["signal"].astype(np.float64), "continuous": io["continuous"].astype(np.float64)}
    again, _ = step.run(**wide, categorical=io["categorical"].astype(np.int32), state=step.initial(4))
    np.testing.assert_array_equal(again, logits)


def test_a_refusal_leaves_the_state_as_it_was(step, io):
    state = advance(step, io, 0, 100, step.initial(4))[1]
    before = bits(state)
    refused(step, io, "not finite", state=state, signal=np.full((4, 12, 5), np.nan, np.float32))
    assert bits(state) == before


def test_a_state_that_can_count_no_further_is_refused(step, io):
    """It counts in float32, which knows no 2²⁴ + 1: beyond, the mean over time would creep."""
    full = dataclasses.replace(step.initial(4), samples=2**24 - 249)
    refused(step, io, "begin anew", state=full)
    advance(step, io, 0, 249, full)


DAMAGE = {
    "empty": lambda x: b"",
    "another file": lambda x: b"PK" + x,
    "magic only": lambda x: x[:16],
    "header cut": lambda x: x[:40],
    "cut short": lambda x: x[:-1],
    "a number short": lambda x: x[:-4],
    "bytes too many": lambda x: x + b"\0",
    "another version": lambda x: x.replace(b"ecg2lab-state-1", b"ecg2lab-state-2", 1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_bytes_are_refused(step, io, damage):
    content = advance(step, io, 0, 10, step.initial(4))[1].to_bytes()
    with pytest.raises(BackendError, match="state"):
        StepState.from_bytes(damage(content))


def test_kept_values_that_are_not_finite_are_refused(step):
    values = step.initial(2).values.copy()
    values[1, 3] = np.nan
    with pytest.raises(BackendError, match="not finite"):
        StepState.from_bytes(dataclasses.replace(step.initial(2), values=values).to_bytes())


@pytest.mark.parametrize(("batch", "size"), [(2**32 - 1, 2**32 - 1), (0, 5), (2**31, 1)])
def test_a_header_that_lies_about_its_size_allocates_nothing(step, batch, size):
    content = bytearray(step.initial().to_bytes())
    content[56:64] = batch.to_bytes(4, "little") + size.to_bytes(4, "little")
    with pytest.raises(BackendError, match="cut short or has bytes too many"):
        StepState.from_bytes(bytes(content))


def test_a_graph_that_does_not_fit_its_manifest_is_refused(causal_bundle, doctored):
    opened = Bundle.open(causal_bundle)
    wrong = StepShape(most_samples=31, state_size=opened.manifest.step.state_size + 1)
    with pytest.raises(BundleError, match="does not fit its manifest"):
        StepGraph.of(Bundle.open(doctored(causal_bundle, {}, step=wrong)))
    with pytest.raises(BundleError, match="does not fit its manifest"):
        StepGraph.of(Bundle.open(doctored(causal_bundle, {"step.onnx": opened.member("window.onnx")})))
