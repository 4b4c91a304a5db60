"""Calibration intercept and slope: against scipy's optimiser, round by round, and of models miscalibrated as stated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, logit

from ecg2lab_training.measures import agreement, bootstrap, logistic

Pair = tuple[np.ndarray, np.ndarray]


def simulated(
    seed: int, records: int, mean: float, slope: float = 1.0, intercept: float = 0.0, spread: float = 1.0
) -> Pair:
    """Probabilities, and labels whose true logit is intercept + slope · logit(p)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(mean, spread, size=records)
    return expit(x), (rng.random(records) < expit(intercept + slope * x)).astype(float)


def by_optimiser(p: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Intercept with the slope fixed, and slope, by BFGS on the weighted likelihood of all cases."""
    x = logit(p)

    def cost(z: np.ndarray) -> float:
        return float((weight * (np.logaddexp(0, z) - y * z)).sum()) / len(y)

    intercept = minimize(lambda b: cost(b[0] + x), [0.0], tol=1e-10)
    line = minimize(lambda b: cost(b[0] + b[1] * x), [0.0, 1.0], tol=1e-10)
    return float(intercept.x[0]), float(line.x[1])


def one(p: np.ndarray, y: np.ndarray, rounds: int = 100, **options: int) -> agreement.Agreement | None:
    draws = bootstrap.plan(np.arange(len(p)), "patients", rounds, 0)
    return agreement.measure(p[:, None], y[:, None], draws, **options)[0]


def test_equals_scipys_optimiser() -> None:
    p, y = simulated(0, 2000, -1, 0.7, 0.4)
    own = one(p, y)
    assert own is not None
    assert own.slope is not None
    # of a sum of 2,000 terms BFGS finds the minimum to about the square root of the machine's precision
    np.testing.assert_allclose((own.intercept.value, own.slope.value), by_optimiser(p, y, np.ones(2000)), atol=1e-4)


@pytest.mark.parametrize(
    ("mean", "spread", "outside"), [(-4.0, 1.0, 0), (-1.0, 0.5, 1), (0.0, 2.0, 1), (3.0, 1.0, 1), (-1.0, 1.0, 800)]
)
def test_bins_change_a_round_by_less_than_half_a_percent_of_the_standard_error(
    mean: float, spread: float, outside: int
) -> None:
    p, y = simulated(1, 8000, mean, 0.8, 0.3, spread)
    p[:outside] = 0  # far out, at a logit of -20.7: that must not make all bins wide
    draws = bootstrap.plan(np.random.default_rng(0).integers(0, 4000, 8000), "patients", 40, 3)
    own = logistic.cases(p, y)
    assert own is not None
    intercept = logistic.fit(own, np.ones((8000, 1)), own.logits, (0.0,))
    slope = logistic.fit(own, logistic.line(own.logits), np.zeros(8000), (0.0, 1.0))
    assert intercept is not None
    assert slope is not None
    rounds = np.column_stack([r[:, -1] for r in logistic.refit([intercept, slope], draws)])
    exact = np.stack([exactly(own, weight) for weight in np.concatenate(list(draws.blocks()), axis=1).T])
    error = np.abs(rounds - exact) / exact.std(axis=0)
    assert error.max() < 0.005


def exactly(own: logistic.Cases, weight: np.ndarray) -> tuple[float, float]:
    """Newton on all cases, weighted; a step changes no logit by more than 2."""
    estimates = []
    for design, offset in ((np.ones((own.logits.size, 1)), own.logits), (logistic.line(own.logits), 0.0)):
        beta = np.array([0.0, 1.0])[: design.shape[1]]
        for _ in range(30):
            q = expit(offset + design @ beta)
            curvature = design.T @ (design * (weight * q * (1 - q))[:, None])
            step = np.linalg.solve(curvature, design.T @ (weight * (own.positive - q)))
            beta = beta + step * 2 / max(2, np.abs(design @ step).max())
        estimates.append(beta[-1])
    return estimates[0], estimates[1]


def test_a_round_that_draws_every_case_once_is_the_fit_itself() -> None:
    """Within single precision of sums over 500 cases."""
    p, y = simulated(2, 500, -1, 0.5)
    own = logistic.cases(p, y)
    assert own is not None
    slope = logistic.fit(own, logistic.line(own.logits), np.zeros(500), (0.0, 1.0))
    assert slope is not None

    class Once:
        def blocks(self):  # type: ignore[no-untyped-def]
            yield np.ones((500, 2), np.float32)

    (rounds,) = logistic.refit([slope], Once())  # type: ignore[arg-type]
    np.testing.assert_allclose(rounds, np.tile(slope.coefficients, (2, 1)), atol=1e-6)


@pytest.mark.slow
def test_of_a_calibrated_model_the_intervals_hold_0_and_1_as_often_as_they_say() -> None:
    many = [simulated(seed, 1500, -1.5) for seed in range(100)]
    p, y = (np.stack(columns, axis=1) for columns in zip(*many, strict=True))
    measured = agreement.measure(p, y, bootstrap.plan(np.arange(1500), "patients", 200, 0))
    held = np.array(
        [
            (
                own.intercept.interval[0] <= 0 <= own.intercept.interval[1],
                own.slope.interval[0] <= 1 <= own.slope.interval[1],
            )
            for own in measured
        ]
    )
    # 95 % of 100 with a standard error of 2.2 %, and a little lost to the percentiles of 200 rounds
    assert (held.mean(axis=0) >= 0.88).all()


@pytest.mark.parametrize(("slope", "intercept"), [(0.5, 0.0), (1.8, -0.6), (1.0, 0.7)])
def test_recovers_a_stated_miscalibration(slope: float, intercept: float) -> None:
    p, y = simulated(4, 20_000, -1, slope, intercept)
    own = one(p, y)
    assert own is not None
    assert own.slope is not None
    assert own.slope.interval is not None
    # four standard errors of 0.02 each
    assert own.slope.value == pytest.approx(slope, abs=0.08)
    assert own.slope.interval[0] < own.slope.value < own.slope.interval[1]
    if slope == 1:
        assert own.intercept.value == pytest.approx(intercept, abs=0.08)


def test_calibration_in_the_large_makes_the_mean_the_prevalence() -> None:
    p, y = simulated(5, 3000, -2, 0.6, 0.5)
    own = one(p, y)
    assert own is not None
    assert expit(logit(p) + own.intercept.value).mean() == pytest.approx(y.mean(), rel=1e-6)


def test_repeated_records_of_patients_widen_the_interval() -> None:
    """Five copies of each record bring nothing new: over patients the interval is √5 times as wide as over records."""
    p, y = (np.repeat(values, 5)[:, None] for values in simulated(6, 600, -1))
    widths = []
    for unit in ("patients", "paper"):
        draws = bootstrap.plan(np.repeat(np.arange(600), 5), unit, 500, 0)  # type: ignore[arg-type]
        own = agreement.measure(p, y, draws)[0]
        widths.append(np.ptp(own.slope.interval))
    assert widths[0] / widths[1] == pytest.approx(5**0.5, rel=0.2)


def test_unknown_labels_do_not_count() -> None:
    p, y = simulated(7, 400, -1)
    with_unknown = np.concatenate([y, np.full(100, np.nan)])
    alone, among = one(p, y), one(np.concatenate([p, np.full(100, 0.99)]), with_unknown)
    assert alone is not None
    assert among is not None
    assert among[:2] == alone[:2] == (y.sum(), 400 - y.sum())
    assert among.slope.value == pytest.approx(alone.slope.value, abs=1e-9)


@pytest.mark.parametrize("labels", [np.zeros(50), np.ones(50), np.full(50, np.nan), np.repeat([1.0, 0], [9, 41])])
def test_one_class_or_few_cases_have_none(labels: np.ndarray) -> None:
    assert one(np.linspace(0.1, 0.9, 50), labels) is None


def test_without_records_there_is_none() -> None:
    draws = bootstrap.plan(np.zeros(0), "patients", 10, 0)
    assert agreement.measure(np.zeros((0, 2)), np.zeros((0, 2)), draws) == [None, None]


@pytest.mark.parametrize(
    "probabilities",
    [np.linspace(0.1, 0.9, 60), np.full(60, 0.3), np.repeat([0.2, 0.5, 0.5, 0.8], 15)],
    ids=["separated", "all the same", "separated but for a tie"],
)
def test_what_has_no_slope_has_an_intercept(probabilities: np.ndarray) -> None:
    labels = np.repeat([0.0, 1.0], 30)  # of those at 0.5 both
    own = one(probabilities, labels)
    assert own is not None
    assert own.slope is None
    assert own.intercept.interval is not None
    assert np.isfinite([own.intercept.value, *own.intercept.interval]).all()


def test_probabilities_of_0_and_1_that_are_all_right_leave_nothing_to_measure() -> None:
    assert one(np.repeat([0.0, 1.0], 30), np.repeat([0.0, 1.0], 30)) is None


def test_a_slope_that_many_rounds_lack_has_no_interval() -> None:
    """Of separated classes but for one case: 37 % of the rounds do not draw it."""
    p, y = np.linspace(0.05, 0.95, 40), np.repeat([0.0, 1.0], 20)
    y[0] = 1
    own = one(p, y, rounds=300)
    assert own is not None
    assert own.slope is not None
    assert own.slope.interval is None


def test_few_positives_are_measured_if_asked_for() -> None:
    p, y = np.linspace(0.05, 0.6, 200), np.zeros(200)
    y[[120, 180]] = 1
    own = one(p, y, least=1)
    assert own is not None
    assert own.intercept.interval is None  # a round in seven draws neither
    assert one(p, y) is None


def test_a_start_far_off_is_no_obstacle() -> None:
    """Logits of -12 where every second case is positive: full steps of Newton would swing ever wider."""
    rng = np.random.default_rng(8)
    x = rng.normal(-12, 0.5, size=400)
    y = (rng.random(400) < 0.5).astype(float)
    own = one(expit(x), y)
    assert own is not None
    assert expit(x + own.intercept.value).mean() == pytest.approx(y.mean(), rel=1e-6)
    assert own.slope is not None


@pytest.mark.parametrize("size", [1, 2])
def test_small_systems_are_solved_as_lapack_does(size: int) -> None:
    """Of random columns, of some that nearly depend on each other, and of one without any curvature."""
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(200, 40, size))
    columns[:50, :, -1] = columns[:50, :, 0] + 1e-3 * columns[:50, :, -1]
    columns[50:60, :, -1] = 0
    matrices = columns.transpose(0, 2, 1) @ columns
    right = (matrices @ rng.normal(size=(200, size, 1)))[:, :, 0]
    diagonal = np.einsum("rkk->rk", matrices)
    ridge = np.where(diagonal > 0, 1e-10 * diagonal, 1.0)
    expected = np.linalg.solve(matrices + ridge[:, :, None] * np.eye(size), right[:, :, None])[:, :, 0]
    found = logistic._solve(matrices.reshape(200, -1).T, right.T).T
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
