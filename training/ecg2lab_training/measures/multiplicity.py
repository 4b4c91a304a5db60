"""Which of many tests hold, when so many are made that chance alone passes some.

Of the targets that pass, the share that passes by chance (the false-discovery rate) is kept below a stated one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]


def benjamini_hochberg(p_values: Numbers, rate: float) -> NDArray[np.bool_]:
    """Say which hypotheses are rejected at a false-discovery rate, for independent or positively dependent tests.

    With p₁ ≤ … ≤ pₘ and the greatest k for which pₖ ≤ k · rate / m, those are the first k (Benjamini and Hochberg,
    JRSS B 1995). Targets of the same patients mostly depend positively, a low and a high value of one laboratory test
    do not: what `benjamini_yekutieli` leaves stands in any case.

    Parameters
    ----------
    p_values
        (m).
    rate
        Of false discoveries.

    Returns
    -------
    ndarray (m)
        Of bool.
    """
    tests = p_values.size
    rising = np.sort(p_values)
    below = np.flatnonzero(rising <= np.arange(1, tests + 1) * rate / max(tests, 1))
    return np.asarray(p_values <= rising[below[-1]]) if below.size else np.zeros(tests, dtype=np.bool_)


def benjamini_yekutieli(p_values: Numbers, rate: float) -> NDArray[np.bool_]:
    """As `benjamini_hochberg`, whatever the dependence: the rate is divided by 1 + 1/2 + … + 1/m (Ann. Stat. 2001)."""
    return benjamini_hochberg(p_values, rate / max((1 / np.arange(1, p_values.size + 1)).sum(), 1.0))
