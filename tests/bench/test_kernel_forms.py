"""Experiment `kernel-forms`: the forms that were tried are the kernel, and differ in what float32 leaves of it."""

from __future__ import annotations

import io
from importlib import util

import msgspec
import numpy as np
import pytest
from rich.console import Console

from ecg2lab.proof.parity import kernel_tolerance
from ecg2lab_bench.experiments import kernel_forms, kernel_results, state_forms
from ecg2lab_bench.experiments.kernel_forms import FORMS, Drawn, Setting
from ecg2lab_bench.experiments.kernel_results import KernelResults
from ecg2lab_bench.measuring.libraries import LeftOut
from ecg2lab_bench.measuring.plan import Plan
from ecg2lab_bench.measuring.results import encode
from ecg2lab_bench.report.page import markdown, show
from ecg2lab_bench.state_spaces import draw
from ecg2lab_export.network import dplr
from ecg2lab_export.network.realisation import Realisation

pytestmark = pytest.mark.slow

SMALL = (Setting("HiPPO", 8, 60, 6), Setting("perturbed", 4, 60, 3), Setting("near 1", 4, 200, 3))


@pytest.fixture(scope="module")
def found() -> KernelResults:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel_forms, "settings", lambda _: SMALL)
        return kernel_forms.run(Plan())


@pytest.mark.slow
def test_every_form_is_measured_in_every_setting_or_named(found: KernelResults) -> None:
    assert [(c.poles, c.state_size, c.window, c.channels) for c in found.cases] == [tuple(x) for x in SMALL]
    for case in found.cases:
        assert set(case.errors) | set(found.left_out) == set(FORMS)
        for error in case.errors.values():
            assert error.worst is None or error.median is None or 0 <= error.median <= error.worst


def test_what_is_shipped_keeps_its_limit_and_the_textbook_form_does_not(found: KernelResults) -> None:
    limit = kernel_tolerance(8)
    for case in found.cases:
        shipped = {name: error.worst for name, error in case.errors.items() if name.endswith("*")}
        assert len(shipped) >= 7
        for name, worst in shipped.items():
            assert worst is not None
            assert worst <= limit, name
    hippo = found.cases[0].errors
    for name in ("complex diagonal, stepped", "second-order sections in parallel"):
        worst = hippo[name].worst  # eigenvectors of condition 8e4 cost some four digits
        assert worst is None or worst > 20 * limit


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_the_kernel_where_rounding_cannot_hide_it(name: str) -> None:
    """N = 2 has one pair of poles and a harmless basis: a wrong tap, lag or direction would stand out."""
    try:
        errors = FORMS[name](Drawn(Setting("perturbed", 2, 24, 5)))
    except LeftOut as reason:
        pytest.skip(f"{name}: {reason}")
    assert errors.shape == (5,)
    assert errors.max() <= 1e-4  # a pair of poles within 1e-2 of 1 already costs sections two digits


@pytest.mark.parametrize("states", [3, 4])
def test_sections_and_modes_take_real_poles_too(states: int) -> None:
    poles = np.linspace(0.3, 0.9, states)
    a = np.tile(np.diag(poles), (2, 3, 1, 1)) + np.triu(np.full((states, states), 0.1), 1)
    ones = np.ones((2, 3, states))
    system = Realisation(a, ones, ones, 20)
    exact = system.kernel()
    for form in (state_forms.complex_diagonal, state_forms.dense):
        assert np.abs(form(system, 20) - exact).max() <= 1e-4 * np.abs(exact).max()
    if states % 2 == 0:
        assert np.abs(state_forms.parallel_sections(system, 20) - exact).max() <= 1e-4 * np.abs(exact).max()


def test_the_schur_form_needs_scipy_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "scipy" else find(name))
    left_out: dict[str, str] = {}
    case = kernel_forms.measure(Setting("HiPPO", 2, 20, 2), left_out)
    assert left_out == {"real Schur, stepped": "scipy is not installed"}
    assert "real Schur, stepped" not in case.errors


def test_tables_fit_a_terminal_and_the_file_reads_back(found: KernelResults) -> None:
    stream = io.StringIO()
    show(kernel_results.page(found), Console(file=stream, width=80))
    assert max(map(len, stream.getvalue().splitlines())) <= 80
    assert "…" not in stream.getvalue()
    page = markdown(kernel_results.page(found))
    for name in found.cases[0].errors:
        assert name in stream.getvalue()
        assert f"| {name} |" in page
    assert msgspec.json.decode(encode(found), type=KernelResults) == found


def test_an_error_without_bound_is_not_a_number_in_no_file() -> None:
    error = kernel_forms._summary(np.array([np.nan, 1e-6, np.inf]))
    assert (error.worst, error.median) == (None, None)
    assert kernel_results._figure(error.worst) == "> 1"
    assert kernel_results._figure(1.25e-7) == "1.2e-7"


@pytest.mark.parametrize("poles", ["HiPPO", "perturbed", "near 1"])
@pytest.mark.parametrize("states", [8, 64])
def test_drawn_state_spaces_are_stable(poles: kernel_forms.Poles, states: int) -> None:
    a_bar, _ = dplr.discretise(draw(np.random.default_rng(3), poles, 16, states, 50))
    radii = np.abs(np.linalg.eigvals(a_bar)).max(axis=-1)
    assert (radii < 1).all()
    if poles == "near 1" and states == 8:
        assert (1 - radii).min() < 1e-4
