"""A stream of samples: the bits of the whole recording, whatever the chunks; gaps, refusals, saved states."""

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from bare_contract import contract_for
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab._native import _core

LEADS = ["I", "II", "V1", "V2", "V5"]
WANTED = ["I", "II", "III", "aVR", "V2", "V1"]
CLIP = 3.0


def whole(samples, rate, recorded=LEADS, leads=WANTED):
    contract = contract_for(leads, clip=CLIP).native
    return _core.prepare(np.ascontiguousarray(samples), recorded, float(rate), contract).signal


def make_stream(rate, longest_gap=60, recorded=LEADS, leads=WANTED, clip=CLIP):
    return _core.PrepareStream(recorded, float(rate), contract_for(leads, clip=clip).native, longest_gap)


def push(stream, samples):
    return stream.push(np.ascontiguousarray(samples))


def run(stream, samples, lengths):
    """Push chunks of these lengths, again and again, until the samples are spent; then finish."""
    parts, start, turn = [], 0, 0
    while start < samples.shape[1]:
        length = lengths[turn % len(lengths)]
        parts.append(push(stream, samples[:, start : start + length]))
        start, turn = start + length, turn + 1
    return np.concatenate([*parts, stream.finish()], axis=1)


def gappy(rate, seconds=6.3, seed=0):
    """Noise beyond the clip limit with gaps inside, at both ends and of one sample; none longer than 50."""
    random = np.random.default_rng(seed)
    samples = random.uniform(-4, 4, (len(LEADS), int(rate * seconds)))
    samples[0, :20] = samples[1, 100:150] = samples[2, -30:] = samples[3, 222] = np.nan
    samples[4, 90:140] = samples[0, 140:160] = np.nan
    return samples


@pytest.mark.parametrize("lengths", [[1], [17], [509], [44100], [0, 17], [0, 1, 509, 0, 44100]], ids=str)
@pytest.mark.parametrize("rate", [500, 100, 250, 257.5, 360, 977, 2000])
def test_a_stream_equals_the_whole_recording_bit_for_bit(rate, lengths):
    samples = gappy(rate, seconds=2.7 if rate > 500 and lengths == [1] else 6.3)
    np.testing.assert_array_equal(run(make_stream(rate), samples, lengths), whole(samples, rate))


@examples(60)
@given(
    lengths=st.lists(st.integers(0, 700), min_size=1, max_size=8).filter(any),
    length=st.integers(1, 2500),
    rate=st.sampled_from([500, 128, 257.5, 100, 400]),
    gaps=st.lists(st.tuples(st.integers(0, 2499), st.integers(1, 30), st.integers(0, 4)), max_size=5),
)
def test_any_chunks_and_gaps_give_the_same_bits(lengths, length, rate, gaps):
    """The limit is above the sum of the gaps, because gaps may touch."""
    samples = np.random.default_rng(length).uniform(-4, 4, (len(LEADS), length))
    for start, size, lead in gaps:
        samples[lead, start : start + size] = np.nan
    np.testing.assert_array_equal(run(make_stream(rate, longest_gap=300), samples, lengths), whole(samples, rate))


def test_real_ecgs_equal_the_whole_recording(ecg, network_leads):
    names, samples = ecg
    stream = make_stream(500, recorded=names, leads=network_leads)
    expected = whole(samples, 500, names, network_leads)
    np.testing.assert_array_equal(run(stream, samples, [250]), expected)


@pytest.mark.parametrize("rate", [500, 360, 257.5])
def test_outputs_come_as_soon_as_the_look_ahead_allows(rate):
    """After n samples, every output whose instant lies more than the look-ahead before the last one is out."""
    stream, samples = make_stream(rate), np.zeros((len(LEADS), 1))
    for n in range(1, 1500):
        push(stream, samples)
        instants = np.arange(stream.outputs_made + 1) * rate / 100
        assert n - 1 - instants[-1] <= stream.look_ahead
        assert stream.samples_received == n
    assert stream.look_ahead <= 0.55 * rate


def test_an_open_gap_holds_all_leads_back_until_it_is_closed():
    stream, samples = make_stream(500, longest_gap=100), np.ones((len(LEADS), 2000))
    before = push(stream, samples).shape[1]
    samples[2, :50] = np.nan
    assert push(stream, samples[:, :50]).shape[1] == 0
    assert push(stream, np.ones((len(LEADS), 50))).shape[1] == 20
    assert before == stream.outputs_made - 20


def test_a_gap_beyond_the_limit_is_lead_off_and_the_last_value_is_held():
    """101 missing samples with a limit of 100: what a recording would have in which the value had stayed."""
    random = np.random.default_rng(1)
    samples = random.uniform(-2, 2, (len(LEADS), 3000))
    held = samples.copy()
    samples[2, 1000:1101] = np.nan
    held[2, 1000:1101] = held[2, 999]
    stream = make_stream(500, longest_gap=100)
    np.testing.assert_array_equal(run(stream, samples, [33]), whole(held, 500))
    report = stream.leads()[WANTED.index("V1")]
    assert report.held_until == 1101
    assert (report.missing_samples, report.longest_gap, report.lead_off) == (101, 101, False)


def test_a_gap_of_just_the_limit_is_interpolated():
    samples = np.random.default_rng(1).uniform(-2, 2, (len(LEADS), 3000))
    samples[2, 1000:1100] = np.nan
    stream = make_stream(500, longest_gap=100)
    np.testing.assert_array_equal(run(stream, samples, [33]), whole(samples, 500))
    assert stream.leads()[WANTED.index("V1")].held_until == 0


def test_a_lead_that_never_had_a_value_is_zero_and_holds_nothing_back():
    samples = np.random.default_rng(1).uniform(-2, 2, (len(LEADS), 3000))
    samples[3] = np.nan
    stream = make_stream(500, longest_gap=100)
    live = push(stream, samples)
    assert live.shape[1] == (3000 - stream.look_ahead + 4) // 5
    report = stream.leads()[WANTED.index("V2")]
    assert (report.lead_off, report.held_until) == (True, 3000)
    np.testing.assert_array_equal(np.concatenate([live, stream.finish()], axis=1), whole(samples, 500))


def test_without_tolerance_for_gaps_nothing_waits():
    samples = np.ones((len(LEADS), 3000))
    samples[:, 1500] = np.nan
    stream = make_stream(500, longest_gap=0)
    for t in range(3000):
        push(stream, samples[:, t : t + 1])
        assert stream.outputs_made == max(0, (t - stream.look_ahead + 5) // 5)


def test_clipped_and_missing_samples_are_counted_as_in_a_recording():
    samples = gappy(500)
    expected = _core.prepare(samples, LEADS, 500.0, contract_for(WANTED, clip=CLIP).native).leads
    stream = make_stream(500)
    run(stream, samples, [41])
    for ours, theirs in zip(stream.leads(), expected, strict=True):
        for name in ("missing_samples", "clipped_samples", "longest_gap", "derived"):
            assert getattr(ours, name) == getattr(theirs, name), name


def test_memory_does_not_grow_with_the_signal():
    """The saved state holds all that is kept: after an hour as much as after ten seconds."""
    stream, second = make_stream(500), np.zeros((len(LEADS), 500))
    sizes = []
    for _ in range(3600):
        push(stream, second)
        sizes.append(len(stream.save()))
    assert max(sizes) == max(sizes[:10])
    assert stream.outputs_made > 359_000


@pytest.mark.parametrize("cut", [0, 1, 700, 1013, 1030, 2999, 3150])
def test_a_restored_state_goes_on_with_the_same_bits(cut):
    """Cut before anything came, inside a gap, after one, at the end."""
    samples = gappy(500)
    samples[1, 1000:1050] = np.nan
    first, second = make_stream(500), make_stream(500)
    before = push(first, samples[:, :cut])
    state = first.save()
    push(second, np.full((len(LEADS), 77), 9.0))
    second.restore(state)
    assert second.save() == state
    rest = run(second, samples[:, cut:], [19])
    np.testing.assert_array_equal(np.concatenate([before, rest], axis=1), whole(samples, 500))


def test_a_reset_stream_is_as_new():
    samples = gappy(500)
    stream = make_stream(500)
    push(stream, samples[:, :1111])
    stream.reset()
    assert stream.save() == make_stream(500).save()
    first = run(stream, samples, [100])
    stream.reset()
    np.testing.assert_array_equal(run(stream, samples, [333]), first)


def test_an_ended_stream_refuses_more_until_it_is_reset():
    stream = make_stream(500)
    stream.finish()
    with pytest.raises(ValueError, match="ended"):
        push(stream, np.zeros((len(LEADS), 1)))
    with pytest.raises(ValueError, match="ended"):
        stream.finish()
    stream.reset()
    push(stream, np.zeros((len(LEADS), 1)))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((len(LEADS) - 1, 5)), "a row of samples for each recorded lead"),
        (np.zeros((len(LEADS) + 1, 5)), "a row of samples for each recorded lead"),
        (np.full((len(LEADS), 5), np.inf), "infinite"),
        (np.where(np.arange(5) == 4, -np.inf, np.zeros((len(LEADS), 5))), "infinite"),
        (np.zeros(5), "two-dimensional"),
    ],
)
def test_a_refused_chunk_changes_nothing(bad, message):
    samples = gappy(500)
    stream = make_stream(500)
    before = push(stream, samples[:, :700])
    with pytest.raises(ValueError, match=message):
        stream.push(bad)
    rest = run(stream, samples[:, 700:], [100])
    np.testing.assert_array_equal(np.concatenate([before, rest], axis=1), whole(samples, 500))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leads": ["I", "V6"]}, "lead V6 is missing"),
        ({"rate": np.nan}, "rates"),
        ({"rate": 0.0}, "rates"),
        ({"rate": 500 * np.pi}, "ratio"),
        ({"clip": 0.0}, "clip"),
        ({"clip": np.nan}, r"not finite.*\$\.preprocessing\.clip_mv"),
        ({"longest_gap": 2**31}, "gap is too long"),
    ],
)
def test_settings_that_make_no_stream_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_stream(**{"rate": 500} | change)


def test_a_damaged_state_is_refused_and_changes_nothing():
    samples = gappy(500)
    stream = make_stream(500)
    push(stream, samples[:, :700])
    state = stream.save()
    random = np.random.default_rng(0)
    bad = [b"", state[:10], state[:-1], state + b"\0", state[: len(state) // 2]]
    for position in random.integers(0, len(state), 200):
        damaged = bytearray(state)
        damaged[position] ^= 1 << random.integers(8)
        bad.append(bytes(damaged))
    for damaged in bad:
        with pytest.raises(ValueError, match="state"):
            stream.restore(damaged)
    assert stream.save() == state


def sealed(body):
    """The record with its checksum (64-bit FNV-1a), so that only its content can be wrong."""
    value = 0xCBF29CE484222325
    for byte in body:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return b"ecg2lab stream 1\n" + body + struct.pack("<Q", value)


@pytest.mark.parametrize("value", [-(2**63), -1, 1 << 40, 2**63 - 1])
def test_a_hostile_state_with_a_valid_seal_does_no_harm(value):
    """Every whole number of the record replaced in turn: refused, or run without a crash and without a wait."""
    stream = make_stream(500, recorded=["V1"], leads=["V1"])
    push(stream, np.zeros((1, 40)))
    body = stream.save()[len(b"ecg2lab stream 1\n") : -8]
    for position in range(0, len(body) - 7, 8):
        changed = body[:position] + struct.pack("<q", value) + body[position + 8 :]
        other = make_stream(500, recorded=["V1"], leads=["V1"])
        try:
            other.restore(sealed(changed))
            push(other, np.full((1, 30), np.nan))
            push(other, np.zeros((1, 30)))
        except ValueError:
            continue


@pytest.mark.parametrize(
    "other", [{"rate": 250}, {"longest_gap": 61}, {"clip": 2.0}, {"leads": WANTED[::-1]}, {"leads": WANTED[:-1]}]
)
def test_a_state_of_other_settings_is_refused(other):
    state = make_stream(500).save()
    with pytest.raises(ValueError, match="other settings"):
        make_stream(**{"rate": 500} | other).restore(state)


def test_four_threads_on_one_stream_wait_for_each_other():
    """Chunks of equal samples: whatever the order in which they arrive, the outputs are those of a constant signal."""
    stream, chunk = make_stream(500), np.ones((len(LEADS), 37))
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: stream.push(chunk), range(400)))
    total = sum(part.shape[1] for part in parts) + stream.finish().shape[1]
    assert (stream.samples_received, total) == (400 * 37, 400 * 37 // 5)
