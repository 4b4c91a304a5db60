"""The smooth calibration curve, its band and errors; the distribution of probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from ecg2lab_training.measures import bands, bootstrap, calibration_curve, logistic


def simulated(seed: int, records: int, truth=lambda x: x) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(-1, 1, size=records)
    return expit(x), (rng.random(records) < expit(truth(x))).astype(float)


def one(p: np.ndarray, y: np.ndarray, rounds: int = 100) -> calibration_curve.CalibrationCurve | None:
    draws = bootstrap.plan(np.arange(len(p)), "patients", rounds, 0)
    return calibration_curve.measure(p[:, None], y[:, None], draws)[0]


class TestBasis:
    """The restricted cubic spline."""

    KNOTS = (-2.0, -0.5, 0.5, 3.0)

    def test_is_straight_beyond_the_outer_knots(self) -> None:
        for side in (np.linspace(-9, -2, 20), np.linspace(3, 9, 20)):
            bend = np.diff(calibration_curve.basis(side, self.KNOTS), 2, axis=0)
            # the cubes of up to 12 cancel to a few units of the last place
            np.testing.assert_allclose(bend, 0, atol=1e-11)

    def test_is_smooth_at_the_knots(self) -> None:
        """Value, first and second derivative are continuous: second differences at a step h change by O(h³)."""
        h = 1e-3
        for knot in self.KNOTS:
            values = calibration_curve.basis(knot + h * np.arange(-3, 4), self.KNOTS)
            assert np.abs(np.diff(values, 3, axis=0)).max() < 10 * h**3

    def test_equals_the_natural_spline_through_its_own_values(self) -> None:
        from scipy.interpolate import CubicSpline

        x = np.linspace(-2, 3, 101)
        for column in calibration_curve.basis(np.array(self.KNOTS), self.KNOTS).T[2:]:
            natural = CubicSpline(self.KNOTS, column, bc_type="natural")(x)
            distances = np.abs(calibration_curve.basis(x, self.KNOTS)[:, 2:] - natural[:, None]).max(axis=0)
            assert distances.min() < 1e-12

    def test_with_fewer_than_three_knots_is_a_line(self) -> None:
        assert calibration_curve.basis(np.arange(4.0), [1.0, 2.0]).tolist() == [[1, x] for x in range(4)]


def test_equals_scipys_optimiser() -> None:
    p, y = simulated(0, 3000, lambda x: 0.3 * x**2 - 1)
    own = one(p, y)
    assert own is not None
    x = logit(p)
    knots = np.quantile(x, (0.05, 0.35, 0.65, 0.95))
    design = calibration_curve.basis(x, knots)

    def cost(b: np.ndarray) -> tuple[float, np.ndarray]:
        z = design @ b
        return float((np.logaddexp(0, z) - y * z).mean()), design.T @ (expit(z) - y) / 3000

    b = minimize(cost, [0.0, 1, 0, 0], jac=True, tol=1e-12).x
    np.testing.assert_allclose(own.frequency, expit(calibration_curve.basis(logit(own.grid), knots) @ b), atol=1e-5)
    errors = np.abs(expit(design @ b) - p)
    assert own.average_error == pytest.approx(errors.mean(), abs=1e-5)
    assert own.largest_error == pytest.approx(errors.max(), abs=1e-4)


def test_bins_change_no_round_by_more_than_a_percent_of_the_standard_error() -> None:
    p, y = simulated(1, 6000, lambda x: np.minimum(x, 0.3 * x - 1))
    own = logistic.cases(p, y)
    assert own is not None
    design = calibration_curve.basis(own.logits, np.quantile(own.logits, (0.05, 0.35, 0.65, 0.95)))
    regression = logistic.fit(own, design, np.zeros(6000), (0.0, 1, 0, 0))
    assert regression is not None
    draws = bootstrap.plan(np.arange(6000), "patients", 30, 0)
    (rounds,) = logistic.refit([regression], draws)
    exact = np.stack([exactly(design, y, weight) for weight in np.concatenate(list(draws.blocks()), axis=1).T])
    points = design[np.argsort(p)[60:-59:588]].T  # from the 1st to the 99th percentile: the curve is what is shown
    error = np.abs((rounds - exact) @ points) / (exact @ points).std(axis=0)
    assert error.max() < 0.01


def exactly(design: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Plain Newton on all cases, weighted."""
    b = np.array([0.0, 1, 0, 0])
    for _ in range(30):
        q = expit(design @ b)
        curvature = design.T @ (design * (weight * q * (1 - q))[:, None])
        b = b + np.linalg.solve(curvature, design.T @ (weight * (y - q)))
    return b


def test_the_band_of_a_calibrated_model_holds_the_diagonal_nearly_everywhere() -> None:
    many = [simulated(seed, 1500) for seed in range(60)]
    p, y = (np.stack(columns, axis=1) for columns in zip(*many, strict=True))
    measured = calibration_curve.measure(p, y, bootstrap.plan(np.arange(1500), "patients", 200, 0))
    held = [((c.low <= c.grid) & (c.grid <= c.high)).mean() for c in measured]
    # 95 % of points; those of one curve hang together: a standard error of about 2 % over 60 curves
    assert np.mean(held) > 0.89
    assert max(c.average_error for c in measured) < 0.05


def test_follows_a_bend_that_a_line_cannot() -> None:
    def truth(x: np.ndarray) -> np.ndarray:
        return np.minimum(x, -1.0)

    own = one(*simulated(2, 20_000, truth))
    assert own is not None
    inner = slice(5, -5)
    # standard errors are below 0.01; the rest is what three cubic pieces miss of a corner
    np.testing.assert_allclose(own.frequency[inner], expit(truth(logit(own.grid)))[inner], atol=0.03)
    assert ((own.low <= own.frequency) & (own.frequency <= own.high)).all()


def test_grid_is_between_the_1st_and_the_99th_percentile() -> None:
    p, y = simulated(3, 1000)
    own = one(p, y)
    assert own is not None
    np.testing.assert_allclose(own.grid[[0, -1]], np.quantile(p, (0.01, 0.99)), rtol=1e-3)
    assert (np.diff(own.grid) > 0).all()


@pytest.mark.parametrize(("records", "positives"), [(199, 100), (400, 9), (400, 0), (400, 400)])
def test_too_few_cases_have_no_curve(records: int, positives: int) -> None:
    y = np.random.default_rng(0).permutation(np.arange(records) < positives).astype(float)
    assert one(np.linspace(0.1, 0.9, records), y) is None


def test_unknown_labels_are_no_cases() -> None:
    p, y = simulated(4, 250)
    assert one(p, y) is not None
    y[:60] = np.nan
    assert one(p, y) is None
    assert one(p, np.full(250, np.nan)) is None


@pytest.mark.parametrize("p", [np.linspace(0.1, 0.9, 300), np.full(300, 0.3), np.repeat([0.0, 1.0], 150)])
def test_separated_classes_and_equal_probabilities_have_no_curve(p: np.ndarray) -> None:
    assert one(p, np.repeat([0.0, 1.0], 150)) is None


def test_ties_leave_fewer_knots() -> None:
    """Four distinct probabilities, most cases at one: the quantiles coincide, and the curve is a line."""
    rng = np.random.default_rng(5)
    p = rng.choice([0.1, 0.2, 0.3, 0.6], size=2000, p=[0.02, 0.93, 0.02, 0.03])
    own = one(p, (rng.random(2000) < p).astype(float))
    assert own is not None
    assert np.isfinite([own.low, own.high]).all()
    assert own.average_error < 0.03


class TestDistribution:
    """Counts of cases by probability and class."""

    def test_counts_every_labelled_case_once(self) -> None:
        rng = np.random.default_rng(0)
        p, y = rng.random(500), rng.choice([0.0, 1.0, np.nan], size=500)
        own = calibration_curve.distribution(p, y, 10)
        for counts, value in ((own.positives, 1), (own.negatives, 0)):
            inside = [
                ((p >= a) & (p < b) & (y == value)).sum() for a, b in zip(own.edges[:-1], own.edges[1:], strict=True)
            ]
            assert counts.tolist() == inside

    def test_ends_belong_to_the_outer_bins(self) -> None:
        own = calibration_curve.distribution(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
        assert own.negatives[0] == own.positives[-1] == 1

    def test_of_nothing_is_zero(self) -> None:
        own = calibration_curve.distribution(np.zeros(0), np.zeros(0))
        assert not own.positives.any()
        assert not own.negatives.any()


def test_a_band_is_of_the_rounds_that_have_a_curve() -> None:
    rounds = np.arange(40.0).reshape(20, 2)
    rounds[0] = np.nan
    low, high = bands.band(rounds) or (None, None)
    np.testing.assert_allclose(low, np.quantile(rounds[1:], 0.025, axis=0))
    np.testing.assert_allclose(high, np.quantile(rounds[1:], 0.975, axis=0))
    rounds[1:3] = np.nan
    assert bands.band(rounds) is None
    assert bands.band(np.zeros((0, 3))) is None
