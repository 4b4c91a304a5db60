"""Of many cases those in which every two values of different parameters meet; the others are for `make soak`."""

from itertools import combinations, product

import pytest


def pairwise(**axes):
    """In place of a `parametrize` over each of the parameters: `@pairwise(state=[2, 8], poles=["real", "slow"], …)`.

    Most faults show with one value or with two that meet (Kuhn, Wallace and Gallo 2004, doi 10.1109/TSE.2004.24); which
    cases are chosen is the same in every run.
    """
    cases = list(product(*(range(len(values)) for values in axes.values())))
    chosen = covering(cases)

    def parameters(case):
        values = (axis[i] for axis, i in zip(axes.values(), case, strict=True))
        return pytest.param(*values, marks=() if case in chosen else pytest.mark.soak)

    return pytest.mark.parametrize(tuple(axes), [parameters(case) for case in cases])


def covering(cases):
    """Greedily: next comes the case with most pairs that have not met."""
    pairs = {case: frozenset(combinations(enumerate(case), 2)) for case in cases}
    apart, chosen = frozenset().union(*pairs.values()), set()
    while apart:
        best = max(cases, key=lambda case: len(pairs[case] & apart))
        chosen.add(best)
        apart -= pairs[best]
    return chosen
