"""`@pairwise` leaves nothing out: every case is there, and of any two values that could meet some case has both."""

import math
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from pairwise import pairwise


@examples(50)
@given(st.lists(st.integers(1, 5), min_size=2, max_size=4))
def test_every_two_values_meet_and_every_case_runs_somewhere(sizes):
    axes = {f"p{i}": range(size) for i, size in enumerate(sizes)}
    names, cases = pairwise(**axes).mark.args
    assert names == tuple(axes)
    values = [case.values for case in cases]
    assert len(set(values)) == len(values) == math.prod(sizes)
    usual = [case.values for case in cases if not case.marks]
    for (i, a), (j, b) in combinations(enumerate(sizes), 2):
        assert len({(case[i], case[j]) for case in usual}) == a * b


def test_many_cases_become_few():
    _, cases = pairwise(a=range(5), b=range(7), c=range(3), d=range(2)).mark.args
    assert sum(not case.marks for case in cases) <= 45 < len(cases) == 210
