"""Windows: side by side from the start, a remainder left out."""

import numpy as np
import pytest

from ecg2lab._native import _core


def windows_of(signal, window):
    return _core.Prepared(signal, [], signal.shape[-1], 100.0).windows(window)


@pytest.mark.parametrize("length", [0, 1, 249, 250, 251, 499, 500, 1000, 1003])
@pytest.mark.parametrize("window", [250, 100, 1])
def test_windows_are_consecutive_cuts_and_the_remainder_is_left_out(length, window):
    signal = np.random.default_rng(length).normal(size=(12, length)).astype(np.float32)
    windows = windows_of(signal, window)
    count = length // window
    assert windows.shape == (count, 12, window)
    for index in range(count):
        np.testing.assert_array_equal(windows[index], signal[:, index * window : (index + 1) * window])


def test_a_window_of_zero_or_fewer_samples_is_an_error():
    signal = np.zeros((12, 100), np.float32)
    with pytest.raises(ValueError, match="zero samples"):
        windows_of(signal, 0)
    with pytest.raises(TypeError):
        windows_of(signal, -1)


def test_another_type_or_shape_is_an_error():
    with pytest.raises(TypeError):
        windows_of(np.zeros((12, 100)), 50)
    with pytest.raises(ValueError, match="two-dimensional"):
        windows_of(np.zeros(100, np.float32), 50)


def test_a_transposed_signal_is_not_read_in_the_wrong_order():
    signal = np.arange(24, dtype=np.float32).reshape(8, 3)
    try:
        windows = windows_of(signal.T, 4)
    except TypeError:
        return
    np.testing.assert_array_equal(windows, np.stack([signal.T[:, :4], signal.T[:, 4:]]))
