"""Imputation: medians and codes for what is missing, marks, and what cannot be imputed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg2lab._native import _core

maybe = st.one_of(st.floats(-1e3, 1e3, width=32), st.just(float("nan")))
pairs = st.lists(st.tuples(maybe, maybe), max_size=20)


@given(pairs)
def test_numbers_equal_numpy_where(columns):
    values, medians = np.array(columns, np.float32).reshape(-1, 2).T.copy()
    filled, imputed, impossible = _core.impute_continuous(values, medians)
    missing = np.isnan(values)
    np.testing.assert_array_equal(filled, np.where(missing, medians, values))
    np.testing.assert_array_equal(imputed, missing)
    assert impossible == list(np.flatnonzero(missing & np.isnan(medians)))


@given(st.lists(st.tuples(st.integers(-3, 6), st.integers(-2, 6)), max_size=20))
def test_codes_equal_numpy_where(columns):
    codes, substitutes = np.array(columns, np.int64).reshape(-1, 2).T.copy()
    filled, imputed, impossible = _core.impute_categorical(codes, substitutes)
    missing = codes < 0
    np.testing.assert_array_equal(filled, np.where(missing, substitutes, codes))
    np.testing.assert_array_equal(imputed, missing)
    assert impossible == list(np.flatnonzero(missing & (substitutes < 0)))


def test_a_known_value_is_kept_bit_for_bit():
    values = np.array([0.0, -0.0, np.inf, 1e-45, 98.6], np.float32)
    filled, imputed, _ = _core.impute_continuous(values, np.ones(5, np.float32))
    assert filled.tobytes() == values.tobytes()
    assert not imputed.any()


def test_the_input_is_left_as_it_was():
    values = np.array([np.nan, 1], np.float32)
    _core.impute_continuous(values, np.array([5, 5], np.float32))
    np.testing.assert_array_equal(values, np.array([np.nan, 1], np.float32))


def test_wrong_sizes_and_types_are_errors():
    with pytest.raises(ValueError, match="as many"):
        _core.impute_continuous(np.zeros(3, np.float32), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="as many"):
        _core.impute_categorical(np.zeros(3, np.int64), np.zeros(4, np.int64))
    with pytest.raises(TypeError):
        _core.impute_continuous(np.zeros(3), np.zeros(3))
    with pytest.raises(TypeError):
        _core.impute_categorical(np.zeros(3, np.int32), np.zeros(3, np.int32))
