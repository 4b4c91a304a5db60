"""Targets measured part by part are all measured, once, in their order."""

from __future__ import annotations

import pytest

from ecg2lab_training.measures import parts


@pytest.mark.parametrize("targets", [0, 1, parts.AT_ONCE, parts.AT_ONCE + 1, 5 * parts.AT_ONCE])
def test_in_their_order(targets: int) -> None:
    assert parts.measure(targets, lambda part: range(targets)[part]) == list(range(targets))


def test_an_error_of_a_part_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        parts.measure(2 * parts.AT_ONCE, lambda part: [1 // (part.start - parts.AT_ONCE)])
