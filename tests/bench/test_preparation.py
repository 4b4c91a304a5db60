"""The table of preprocessing: every step, native first, beside peers that compute the same."""

from __future__ import annotations

from importlib import util

import numpy as np
import pytest

from ecg2lab_bench.measuring import workload
from ecg2lab_bench.scenarios import preparation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def table() -> preparation.Table:
    return preparation.measure(0.0)


def test_every_step_has_a_native_row_first_and_peers_after_it(table: preparation.Table) -> None:
    steps = list(dict.fromkeys(row.step for row in table.rows))
    assert len(steps) == 7
    for step in steps:
        first, *peers = (row for row in table.rows if row.step == step)
        assert (first.implementation, first.speed_up) == ("native", None)
        assert peers or step == "whole preparation and quality gate"  # no library has one
        for peer in peers:
            assert peer.speed_up == pytest.approx(peer.timing.p50_ms / first.timing.p50_ms)
    assert [row.step for row in table.rows] == sorted((row.step for row in table.rows), key=steps.index)


def test_what_is_not_installed_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name in {"resampy", "scipy"} else found(name))
    table = preparation.measure(0.0)
    assert table.left_out == {"scipy": "scipy is not installed", "resampy": "resampy is not installed"}
    assert {row.implementation for row in table.rows} == {"native"}
    assert len(list(preparation.rows(table))) == len(table.rows)


def test_the_filters_that_are_timed_beside_each_other_compute_the_same() -> None:
    """1e-6 mV, as for every filter; the resamplers differ in their filters, resampy's is ours."""
    samples = np.ascontiguousarray(workload.recording().samples)
    native = {c.step: c.call() for c in preparation._native(samples, workload.LEADS)}
    for contender in preparation._scipy(samples):
        if contender.step in {"band-pass", "notch"}:
            np.testing.assert_allclose(native[contender.step], contender.call(), rtol=0, atol=1e-6)
    [contender] = preparation._resampy(samples)
    np.testing.assert_allclose(native[contender.step], contender.call(), rtol=0, atol=1e-5)
