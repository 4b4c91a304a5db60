"""Numbers as callers give them."""

from __future__ import annotations

import math
import numbers
from typing import Any


def is_real(value: Any) -> bool:
    """Whether it is a number, of Python or of NumPy; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def to_float(value: Any) -> float:
    """A plain float: infinite if there is none as large, NaN if the value is no number."""
    try:
        return float(value) if is_real(value) else math.nan
    except OverflowError:
        return math.inf
