"""Platt calibration finds the truth where there is enough data, and stays sane where there is not."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from ecg2lab.answer.prediction import decide
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Calibration
from ecg2lab.patient import Patient
from ecg2lab.patient.features import encode
from ecg2lab_training.measures import platt, reliability

from ..evaluation.conftest import small_contract


def test_recovers_slope_and_intercept() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(-1, 1, size=20_000)
    y = (rng.random(20_000) < platt.sigmoid(1.8 * x - 0.7)).astype(float)
    found = platt.fit(platt.sigmoid(x), y)
    assert found is not None
    # standard errors are near 0.03; the prior pulls by less than 0.001
    assert found.slope == pytest.approx(1.8, abs=0.1)
    assert found.intercept == pytest.approx(-0.7, abs=0.1)


def test_calibrated_mean_is_the_prevalence() -> None:
    """The intercept has no prior, so at the optimum the probabilities sum to the positives."""
    rng = np.random.default_rng(1)
    p = rng.beta(2, 3, size=500)
    y = (rng.random(500) < p**2).astype(float)
    found = platt.fit(p, y)
    assert platt.apply(p[:, None], [found]).sum() == pytest.approx(y.sum(), rel=1e-6)


@pytest.mark.parametrize("place", [0, 500, 999])
def test_a_single_positive_does_not_explode(place: int) -> None:
    p = np.linspace(0.2, 0.6, 1000)
    y = np.zeros(1000)
    y[place] = 1
    found = platt.fit(p, y)
    assert found is not None
    # log(slope) is within five prior widths: exp(2.5) = 12
    assert 1 / 12 < found.slope < 12
    assert platt.apply(p[:, None], [found]).max() < 0.2


def test_perfect_separation_and_saturated_probabilities_stay_finite() -> None:
    y = np.repeat([0.0, 1.0], 50)
    for p in (y, np.where(y > 0, 1 - 1e-12, 1e-12), np.full(100, 0.3), np.full(100, 1.0)):
        found = platt.fit(p, y)
        assert found is not None
        assert np.isfinite([found.slope, found.intercept]).all()
        assert found.slope > 0


def test_never_turns_the_order_around() -> None:
    p = np.linspace(0.1, 0.9, 200)
    y = (p < 0.5).astype(float)  # the wrong way round
    found = platt.fit(p, y)
    assert found is not None
    calibrated = platt.apply(p[:, None], [found])[:, 0]
    assert (np.diff(calibrated) >= 0).all()
    assert np.ptp(calibrated) < 0.5  # it rather says little


def test_unknown_labels_do_not_count_and_one_class_has_no_calibration() -> None:
    p = np.array([0.1, 0.4, 0.8, 0.3])
    known = platt.fit(p[:3], np.array([0.0, 0, 1]))
    assert platt.fit(p, np.array([0.0, 0, 1, np.nan])) == known
    assert platt.fit(p, np.zeros(4)) is None
    assert platt.fit(p, np.full(4, np.nan)) is None


def test_apply_is_what_the_engine_does() -> None:
    """Within single precision of the logits, which is 1e-7 relative."""
    rng = np.random.default_rng(2)
    contract = replace(small_contract(), continuous=(), categorical=())
    p = rng.beta(1, 3, size=(50, 3))
    y = (rng.random((50, 3)) < p).astype(float)
    fits = [platt.fit(*column) for column in zip(p.T, y.T, strict=True)]
    targets = (replace(target, calibration=fit) for target, fit in zip(contract.targets, fits, strict=True))
    fitted = replace(contract, targets=tuple(targets))
    logits = rng.normal(size=(4, 3)).astype(np.float32)
    ours = platt.apply(platt.sigmoid(logits.astype(float)).mean(axis=0)[None], fits)
    findings = decide(Outputs(logits), encode(Patient(age=60), fitted), fitted).findings
    np.testing.assert_allclose(ours[0], [finding.probability for finding in findings], rtol=1e-6)


def test_calibration_improves_agreement_on_other_patients() -> None:
    rng = np.random.default_rng(4)
    truth = rng.beta(1, 6, size=4000)
    y = (rng.random(4000) < truth).astype(float)
    shrunk = platt.apply(truth[:, None], [Calibration(slope=0.5, intercept=0.3)])[:, 0]  # as focal loss does
    found = platt.fit(shrunk[:2000], y[:2000])
    before = reliability.measure(shrunk[2000:], y[2000:])
    after = reliability.measure(platt.apply(shrunk[2000:, None], [found])[:, 0], y[2000:])
    assert before is not None
    assert after is not None
    assert after.ece < 0.25 * before.ece
    assert after.ece < 0.03
    assert after.brier < before.brier
