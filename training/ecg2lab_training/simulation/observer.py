"""The ideal observer: Bayes on the latents that the ECG expresses, plus the tabular inputs as they were charted.

The observer knows every expressed latent, age, sex, the charted vital signs, which of them are missing, and that a
label is known; inflammation and shock it infers. They have seven levels each, so that Bayes' rule is a sum over 49
cases and nothing is approximated but rounding: values count as if reported without it, limits are moved by half a step.
Where blood is drawn several times, the chance of each answer is counted over DRAWS simulated courses.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ecg2lab_training.simulation import laboratory, population, vitals
from ecg2lab_training.simulation.laboratory import LabModel
from ecg2lab_training.simulation.population import LEVELS, Floats, Visits
from ecg2lab_training.simulation.questions import Question, of_lab

DRAWS = 8_000
GRID = 81
"""Means of a lab at which the chances are counted; between them they are interpolated."""

_erf = np.vectorize(math.erf, otypes=[np.float64])


def normal_cdf(x: Floats) -> Floats:
    """Distribution function of the standard normal, by interpolation in a fine table (error below 1e-7)."""
    return np.interp(x, _TABLE_X, _TABLE_Y)


_TABLE_X = np.linspace(-9, 9, 36_001)
_TABLE_Y = 0.5 * (1 + _erf(_TABLE_X / math.sqrt(2)))

INFLAMMATION = np.repeat(LEVELS, len(LEVELS))  # (49) all cases of what the ECG does not show
SHOCK = np.tile(LEVELS, len(LEVELS))


def _log_normal(x: Floats, mean: Floats, deviation: float) -> Floats:
    return -0.5 * ((x[:, None] - mean) / deviation) ** 2 - math.log(deviation)


def _columns(v: Visits) -> Visits:
    """The same visits with every array as a column, so that they broadcast against the cases."""
    return Visits(**{f.name: getattr(v, f.name)[:, None] for f in dataclasses.fields(v)})


def hidden_posterior(v: Visits, charted: dict[str, Floats]) -> Floats:
    """Probability of each case of inflammation and shock: (V 49)."""
    wide = _columns(v)
    log = np.log(np.repeat(population.INFLAMMATION_SHARES, len(LEVELS))) + np.log(_shock_prior(wide))
    log = log + _log_normal(
        v.heart_rate, population.heart_rate_mean(wide, INFLAMMATION, SHOCK), population.HEART_RATE_DEVIATION
    )
    log = log + _vital_signs(wide, charted)
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _shock_prior(wide: Visits) -> Floats:
    mean = population.shock_mean(INFLAMMATION, wide.heart_failure)
    upper = np.where(LEVELS[-1] == SHOCK, np.inf, SHOCK + 0.25)
    lower = np.where(SHOCK == 0, -np.inf, SHOCK - 0.25)
    deviation = population.SHOCK_DEVIATION
    return np.maximum(normal_cdf((upper - mean) / deviation) - normal_cdf((lower - mean) / deviation), 1e-12)


def _vital_signs(wide: Visits, charted: dict[str, Floats]) -> Floats:
    """Log likelihood of what was charted, and of what was not."""
    lacking = vitals.missing(population.severity(wide, INFLAMMATION, SHOCK))  # (V 49)
    count = np.sum([~np.isnan(charted[sign.name]) for sign in vitals.SIGNS], axis=0)[:, None]
    log = count * np.log1p(-lacking) + (len(vitals.SIGNS) - count) * np.log(lacking)
    for sign in vitals.SIGNS:
        if sign.name == "heartrate":
            continue  # the ECG shows the rate itself
        value = charted[sign.name]
        log = log + np.where(np.isnan(value)[:, None], 0.0, _one_sign(sign, wide, value, charted))
    return log


def _one_sign(sign: vitals.Sign, wide: Visits, value: Floats, charted: dict[str, Floats]) -> Floats:
    mean = sign.mean(wide, INFLAMMATION, SHOCK)
    if sign.name == "o2sat":  # the highest value stands for all above it
        log = _log_normal(value, mean, sign.deviation)
        full = (value >= vitals.HIGHEST_SATURATION)[:, None]
        above = np.maximum(1 - normal_cdf((vitals.HIGHEST_SATURATION - 0.5 - mean) / sign.deviation), 1e-12)
        return np.where(full, np.log(above * math.sqrt(2 * math.pi)), log)
    if sign.name == "dbp":  # beside a charted systolic pressure it says nothing more
        alone = math.hypot(sign.deviation, vitals.DIASTOLIC * vitals.SYSTOLIC_DEVIATION)
        return np.where(np.isnan(charted["sbp"])[:, None], _log_normal(value, mean, alone), 0.0)
    return _log_normal(value, mean, sign.deviation)


@dataclass(frozen=True)
class _Chances:
    """Chances of a question at each mean of its lab, with and without a value around the ECG."""

    means: Floats  # (GRID)
    positive: Floats  # (2 GRID) labelled and positive: without, with
    labelled: Floats  # (2 GRID)


@cache
def _chances(model: LabModel) -> dict[str, _Chances]:
    rng = np.random.default_rng(0)
    courses = [laboratory.draw(model, np.full(DRAWS, with_first), rng) for with_first in (False, True)]
    spread = 6 * math.hypot(model.deviation, model.drift)
    limits = [x for x in (model.low, model.high) if x > 0]
    on_scale = [math.log(x) if model.logarithmic else x for x in limits]
    means = np.linspace(min(on_scale) - spread, max(on_scale) + spread, GRID)
    positive = {q.name: np.zeros((2, GRID)) for q in of_lab(model)}
    labelled = {q.name: np.zeros((2, GRID)) for q in of_lab(model)}
    for row, course in enumerate(courses):
        for column, mean in enumerate(means):
            values = course.values(model, np.full(DRAWS, mean))
            for question in of_lab(model):
                answer = question.answer(course.minutes, values)
                positive[question.name][row, column] = np.mean(answer == 1)
                labelled[question.name][row, column] = np.mean(~np.isnan(answer))
    return {name: _Chances(means, positive[name], labelled[name]) for name in positive}


def _single(question: Question, mean: Floats) -> Floats:
    """Chance of a positive answer from one value."""
    model = question.lab
    step = 10.0**-model.digits / 2
    limit = model.high + step if question.side == "high" else model.low - step
    limit = math.log(max(limit, 1e-9)) if model.logarithmic else limit
    deviation = math.hypot(1, laboratory.ASSAY) * model.deviation
    away = (mean - limit) if question.side == "high" else (limit - mean)
    return normal_cdf(away / deviation)


def probabilities(v: Visits, charted: dict[str, Floats], questions: tuple[Question, ...]) -> NDArray[np.float64]:
    """The observer's probability of each label, given that it is known: (V n)."""
    weights = hidden_posterior(v, charted)
    wide = _columns(v)
    severity = population.severity(wide, INFLAMMATION, SHOCK)
    columns: dict[str, Floats] = {}
    for model in {q.lab.slug: q.lab for q in questions}.values():
        mean = model.mean(wide, INFLAMMATION, SHOCK)  # (V 49)
        first = laboratory.measured(model, severity)
        chances = _chances(model) if model.later else {}
        for question in of_lab(model):
            if question in questions:
                columns[question.name] = _one(question, weights, mean, first, chances.get(question.name))
    return np.stack([columns[q.name] for q in questions], axis=1)


def _one(question: Question, weights: Floats, mean: Floats, first: Floats, chances: _Chances | None) -> Floats:
    """A mean over the cases, as a distance from the first: where all answer alike, it is their answer to the last bit.

    So the AUROC of a label that is planted nowhere is 0.5 exactly, and not that of how sums were rounded.
    """
    if chances is None:
        answer, labelled = _single(question, mean), first
    else:
        positive, labelled = (
            _either(first, mean, chances.means, rows) for rows in (chances.positive, chances.labelled)
        )
        answer = positive / labelled
    weights, one = weights * labelled, answer[:, :1]
    return one[:, 0] + (weights * (answer - one)).sum(axis=1) / weights.sum(axis=1)


def _either(first: Floats, mean: Floats, means: Floats, rows: Floats) -> Floats:
    """Chance at a mean, where `first` is that of a value around the ECG; rows: without one, with one."""
    without, with_first = (np.interp(mean, means, row) for row in rows)
    return (1 - first) * without + first * with_first
