"""False-discovery rates: hand-computed, and against the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab_training.measures.multiplicity import benjamini_hochberg, benjamini_yekutieli

# The fifteen tests of the example in Benjamini and Hochberg 1995: thrombolysis after infarction.
THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344]
THROMBOLYSIS += [0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]


def by_definition(p_values: list[float], rate: float) -> list[bool]:
    """A hypothesis falls if some p at least as large has no more than its share: p ≤ (number up to it) · rate / m."""
    numbers = {p: sum(other <= p for other in p_values) for p in p_values}
    small = [p for p in p_values if p <= numbers[p] * rate / len(p_values)]
    return [any(p <= one for one in small) for p in p_values]


def test_the_authors_own_example() -> None:
    """They reject four; Bonferroni's 0.05 / 15 would reject three."""
    np.testing.assert_array_equal(benjamini_hochberg(np.array(THROMBOLYSIS), 0.05), [True] * 4 + [False] * 11)
    # 0.05 / 15 / (1 + 1/2 + … + 1/15 = 3.318) = 0.00100: 3 · 0.001 ≥ 0.0019, 4 · 0.001 < 0.0095, 15 · 0.001 < 0.0201
    np.testing.assert_array_equal(benjamini_yekutieli(np.array(THROMBOLYSIS), 0.05), [True] * 3 + [False] * 12)


def test_steps_up_over_one_that_is_too_large() -> None:
    """0.04 is above 0.05 / 3 and 2 · 0.05 / 3, and falls by the third, 0.05 ≤ 3 · 0.05 / 3."""
    assert benjamini_hochberg(np.array([0.05, 0.04, 0.04]), 0.05).all()
    assert not benjamini_hochberg(np.array([0.06, 0.04, 0.04]), 0.05).any()


@examples(300)
@given(
    p_values=st.lists(st.one_of(st.floats(0, 1), st.integers(1, 40).map(lambda n: n / 401)), max_size=30),
    rate=st.sampled_from([0.01, 0.05, 0.1, 0.25]),
)
def test_equals_the_definition_with_ties(p_values: list[float], rate: float) -> None:
    p = np.array(p_values)
    np.testing.assert_array_equal(benjamini_hochberg(p, rate), by_definition(p_values, rate))
    harmonic = sum(1 / i for i in range(1, len(p) + 1)) or 1.0
    # a hair below the divided rate and a hair above enclose the sum's rounding
    narrow, wide = (by_definition(p_values, rate / harmonic * (1 + hair)) for hair in (-1e-12, 1e-12))
    rejected = benjamini_yekutieli(p, rate)
    assert (np.array(narrow, bool) <= rejected).all()
    assert (rejected <= np.array(wide, bool)).all()


@examples(100)
@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_yekutieli_rejects_no_more(p_values: list[float]) -> None:
    p = np.array(p_values)
    assert (benjamini_yekutieli(p, 0.05) <= benjamini_hochberg(p, 0.05)).all()


def test_one_test_and_none() -> None:
    assert benjamini_hochberg(np.array([0.05]), 0.05).tolist() == [True]
    assert benjamini_yekutieli(np.array([0.05]), 0.05).tolist() == [True]
    assert benjamini_hochberg(np.array([]), 0.05).shape == (0,)
    assert benjamini_yekutieli(np.array([]), 0.05).shape == (0,)


def test_keeps_the_rate_it_states() -> None:
    """Of 20 true hypotheses and 20 false ones, 5 % · 20 / 40 of the rejected are true ones, on average."""
    rng = np.random.default_rng(0)
    true = np.arange(40) < 20
    shares = []
    for _ in range(1000):
        p = np.where(true, rng.random(40), rng.random(40) ** 6)
        rejected = benjamini_hochberg(p, 0.05)
        shares.append(rejected[true].sum() / max(rejected.sum(), 1))
    assert np.mean(shares) == pytest.approx(0.025, abs=0.01)  # standard error of the mean: 0.002
