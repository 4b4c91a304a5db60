"""The ideal observer is Bayes' rule, not an estimate: its probabilities are frequencies, whatever is asked of them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ecg2lab_training.measures import curves
from ecg2lab_training.simulation import hospital, observer, population, truth
from ecg2lab_training.simulation.hospital import Block
from ecg2lab_training.simulation.questions import QUESTIONS, Question

from .visits import draw

pytestmark = pytest.mark.slow

Floats = NDArray[np.float64]
BLOCKS = 8
Case = tuple[Floats, Floats, list[Block]]


@pytest.fixture(scope="module")
def cases() -> Case:
    """Probabilities and labels of eight thousand patients, who are not recorded."""
    blocks = [hospital.draw(3, start, stream=1) for start in range(0, BLOCKS * population.BLOCK, population.BLOCK)]
    scores = np.concatenate([truth.probabilities(block) for block in blocks])
    return scores, np.concatenate([truth.labels(block) for block in blocks]), blocks


def z_score(probability: Floats, label: Floats) -> float:
    """By how many standard errors the share of positives differs from what the observer expects."""
    return float((label - probability).sum() / math.sqrt((probability * (1 - probability)).sum()))


def test_probabilities_are_frequencies(cases: Case) -> None:
    """Overall and in each third by probability: 4.5 standard errors over about a hundred questions asked."""
    scores, labels, _ = cases
    for question, p, y in zip(QUESTIONS, scores.T, labels.T, strict=True):
        p, y = p[~np.isnan(y)], y[~np.isnan(y)]
        for part in np.array_split(np.argsort(p), 3):
            if p[part].sum() > 20:
                assert abs(z_score(p[part], y[part])) < 4.5, question.name


@pytest.mark.parametrize("what", ["charted", "shock_hidden", "missing"])
def test_probabilities_are_frequencies_given_anything_that_the_observer_saw(cases: Case, what: str) -> None:
    scores, labels, blocks = cases
    charted = {name: np.concatenate([b.vital_signs[name] for b in blocks]) for name in blocks[0].vital_signs}
    visits = population.join([b.visits for b in blocks])
    chosen = {
        "charted": charted["sbp"] < 110,
        "shock_hidden": np.isnan(charted["sbp"]) & (visits.heart_rate > 100),
        "missing": sum(np.isnan(x).astype(int) for x in charted.values()) >= 3,
    }[what]
    for question, p, y in zip(QUESTIONS, scores.T, labels.T, strict=True):
        known = ~np.isnan(y) & chosen
        if p[known].sum() > 20:
            assert abs(z_score(p[known], y[known])) < 4.5, question.name


def test_what_is_planted_nowhere_cannot_be_known(cases: Case) -> None:
    """One probability for everybody, to the last bit: how sums are rounded must not rank patients."""
    scores, labels, _ = cases
    for question, p, y in zip(QUESTIONS, scores.T, labels.T, strict=True):
        if question.lab.planted == "nowhere":
            assert np.ptp(p) == 0
            assert curves.auroc(p, y) == 0.5


def test_no_vital_sign_makes_the_observer_worse_on_average(cases: Case) -> None:
    """More is known with vital signs than without: lactate hangs on shock, which only they show."""
    _, labels, blocks = cases
    column = [q.name for q in QUESTIONS].index("lactate_high_now")
    seen, blind = [], []
    for block in blocks:
        nothing = {name: np.full_like(x, np.nan) for name, x in block.vital_signs.items()}
        seen.append(truth.probabilities(block)[:, column])
        blind.append(observer.probabilities(block.visits, nothing, QUESTIONS)[:, column])
    with_signs, without = (curves.auroc(np.concatenate(x), labels[:, column]) for x in (seen, blind))
    assert with_signs > without + 0.02


def test_the_posterior_of_the_hidden_latents_by_counting() -> None:
    """For one patient: draw from the prior, keep the draws that look alike, count."""
    visits = draw(400, 5, stream=1)
    chosen = int(np.flatnonzero((visits.heart_failure > 0.5) & ~visits.fibrillation)[0])
    one = visits.take(np.full(1, chosen))
    charted = {"temperature": 98.9, "heartrate": math.nan, "resprate": 20.0, "o2sat": 96.0, "sbp": 118.0, "dbp": 66.0}
    posterior = observer.hidden_posterior(one, {name: np.array([x]) for name, x in charted.items()})[0]
    rng = np.random.default_rng(0)
    count = 3_000_000
    levels = population.LEVELS
    i = rng.choice(levels, p=population.INFLAMMATION_SHARES, size=count)
    s = population.shock_mean(i, one.heart_failure) + rng.normal(0, population.SHOCK_DEVIATION, count)
    s = levels[np.clip(np.rint(2 * s), 0, 6).astype(int)]
    many = dataclasses.replace(one, **{f.name: np.repeat(getattr(one, f.name), 1) for f in dataclasses.fields(one)})
    rate = population.heart_rate_mean(many, i, s) + rng.normal(0, population.HEART_RATE_DEVIATION, count)
    alike = np.abs(rate - one.heart_rate) < 2
    weight = np.where(alike, 1.0, 0.0)
    for sign in (s_ for s_ in observer.vitals.SIGNS if s_.name in ("temperature", "resprate", "o2sat", "sbp")):
        weight *= np.exp(-0.5 * ((charted[sign.name] - sign.mean(many, i, s)) / sign.deviation) ** 2)
    lacking = observer.vitals.missing(one.heart_failure + i + s)
    weight *= lacking * (1 - lacking) ** 5
    counted = np.bincount((np.rint(2 * i) * 7 + np.rint(2 * s)).astype(int), weights=weight, minlength=49)
    np.testing.assert_allclose(posterior, counted / counted.sum(), atol=0.01)


class TestAnswers:
    """Questions answered from measured values made by hand; potassium's limits are 3.3 and 5.1."""

    now = next(q for q in QUESTIONS if q.name == "potassium_high_now")
    soon = next(q for q in QUESTIONS if q.name == "potassium_high_60min")

    @staticmethod
    def ask(question: Question, *values: tuple[float, float]) -> float:
        minutes, amounts = np.array([[m for m, _ in values]]), np.array([[a for _, a in values]])
        return float(question.answer(minutes, amounts)[0])

    def test_limits_are_strict(self) -> None:
        assert self.ask(self.now, (0.0, 5.1)) == 0
        assert self.ask(self.now, (0.0, 5.2)) == 1

    def test_the_closest_counts_and_of_two_the_earlier(self) -> None:
        assert self.ask(self.now, (-40.0, 6.0), (10.0, 4.0)) == 0
        assert self.ask(self.now, (10.0, 4.0), (-10.0, 6.0)) == 1
        assert math.isnan(self.ask(self.now, (61.0, 6.0)))
        assert self.ask(self.now, (60.0, 6.0)) == 1

    def test_any_value_within_the_horizon_counts_and_none_beyond(self) -> None:
        assert self.ask(self.soon, (0.0, 6.0), (20.0, 4.2), (60.0, 5.6)) == 1
        assert self.ask(self.soon, (20.0, 4.2), (61.0, 5.6)) == 0
        assert self.ask(self.soon, (0.0, 6.0)) == 1  # both ends belong to it
        assert math.isnan(self.ask(self.soon, (-1.0, 6.0)))

    def test_low_and_high_in_one_horizon_is_not_known(self) -> None:
        assert math.isnan(self.ask(self.soon, (10.0, 3.0), (50.0, 5.6)))
