"""Statistics of known samples, and the order in which subjects take turns. Nothing here depends on speed."""

from __future__ import annotations

import gc
from itertools import groupby

import pytest

from ecg2lab_bench.measuring.timing import FEWEST_ROUNDS, Subject, interleave, summarise


def test_percentiles_of_known_samples() -> None:
    timing = summarise([1_000_000 * x for x in range(101, 0, -1)])  # 1 … 101 ms, unsorted
    assert (timing.calls, timing.minimum_ms, timing.mean_ms) == (101, 1, 51)
    assert (timing.p50_ms, timing.p90_ms, timing.p99_ms) == pytest.approx((51, 91, 100))


def test_one_sample_is_all_its_percentiles() -> None:
    timing = summarise([2_500_000])
    assert {timing.minimum_ms, timing.mean_ms, timing.p50_ms, timing.p90_ms, timing.p99_ms} == {2.5}


@pytest.mark.slow
def test_subjects_take_turns_and_every_other_round_runs_backwards() -> None:
    called: list[str] = []
    told: list[int] = []
    subjects = [Subject(None, "bare", name, 1, lambda name=name: called.append(name)) for name in "abc"]
    samples = interleave(subjects, budget_s=0, tell=lambda rounds, _: told.append(rounds))
    visits = "".join(name for name, _ in groupby(called))
    # warm-up abc, then abc cba abc; neighbours of the same name merge where rounds meet
    assert visits == "abc" + "abcbabc"
    assert told == list(range(1, FEWEST_ROUNDS + 1))
    for name, taken in zip("abc", samples, strict=True):
        assert len(taken) >= 2 * FEWEST_ROUNDS
        assert called.count(name) > len(taken)  # the first call of a visit is not timed
        assert min(taken) >= 0


@pytest.mark.slow
def test_garbage_collection_rests_and_comes_back_even_after_an_error() -> None:
    seen: list[bool] = []

    def failing() -> None:
        seen.append(gc.isenabled())
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interleave([Subject(None, "bare", "a", 1, failing)], budget_s=0)
    assert seen == [False]
    assert gc.isenabled()
