"""Populations are summarised without leading back to a patient, and what differs is named."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.evaluation import population
from ecg2lab_training.evaluation.result import NumberSummary, Population

from .conftest import small_contract


def summary(shift: float = 0.0, missing: float = 0.0, women: float = 0.5, prevalence: float = 0.2) -> Population:
    """Of 1000 records, drawn with one seed."""
    rng = np.random.default_rng(0)
    contract = small_contract()
    numbers = rng.normal(60, 10, size=(1000, len(contract.continuous))) + shift
    numbers[rng.random(numbers.shape) < missing] = np.nan
    words = np.stack([(rng.random(1000) > women).astype(np.int64), rng.integers(-1, 5, size=1000)], axis=1)
    labels = (rng.random((1000, 3)) < prevalence).astype(np.float32)
    return population.summarise(contract, numbers, words, labels)


def test_summary_states_quartiles_shares_and_prevalences() -> None:
    found = summary()
    assert found.records == 1000
    age = found.numbers["age"]
    assert age.quartiles is not None
    # quartiles of a normal distribution: 0.674 standard deviations; standard errors are below 0.5
    assert age.quartiles == pytest.approx((53.3, 60.0, 66.7), abs=2)
    assert age.missing == 0
    assert found.categories["sex"]["female"] == pytest.approx(0.5, abs=0.05)
    assert found.categories["race"]["missing"] == pytest.approx(1 / 6, abs=0.05)
    assert found.prevalences["potassium_high_now"] == pytest.approx(0.2, abs=0.05)


def test_nothing_known_is_null() -> None:
    contract = small_contract()
    nothing = np.full((4, len(contract.continuous)), np.nan)
    found = population.summarise(contract, nothing, np.full((4, 2), -1), np.full((4, 3), np.nan))
    assert found.numbers["age"] == NumberSummary(quartiles=None, missing=1.0)
    assert found.categories["sex"] == {"missing": 1.0}
    assert set(found.prevalences.values()) == {None}
    assert population.differences(found, found) == ()


def test_the_same_population_differs_in_nothing() -> None:
    assert population.differences(summary(), summary()) == ()


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (summary(shift=15), "age: median 7"),
        (summary(missing=0.3), "age: missing in 3"),
        (summary(women=0.8), "sex female: 8"),
        (summary(prevalence=0.05), "potassium_high_now: prevalence "),
    ],
)
def test_what_differs_is_named(here: Population, expected: str) -> None:
    assert any(sentence.startswith(expected) for sentence in population.differences(summary(), here))


def test_a_handful_of_records_raises_no_alarm_by_chance() -> None:
    """Of twelve records three have the abnormality, of training 10 %: chance alone does that in one site of nine."""
    few = msgspec.structs.replace(summary(), records=12, prevalences={"potassium_high_now": 0.25})
    training = msgspec.structs.replace(summary(), prevalences={"potassium_high_now": 0.1})
    assert population.differences(training, few) == ()
    many = msgspec.structs.replace(few, records=1200)
    assert population.differences(training, many) == ("potassium_high_now: prevalence 25.0%, in training 10.0%",)


def test_medians_are_compared_where_nothing_else_is_known() -> None:
    contract = small_contract()
    medians = tuple(msgspec.structs.replace(feature, median=60.0) for feature in contract.continuous)
    contract = msgspec.structs.replace(contract, continuous=medians)
    assert population.differences_of_medians(contract, summary()) == ()
    assert "age: median" in population.differences_of_medians(contract, summary(shift=30))[2]


def test_card_block_round_trips_and_damage_is_named() -> None:
    block = population.to_card(summary())
    assert population.from_card(f"# card\n\n{block}\n\nmore") == summary()
    with pytest.raises(DatasetError, match="training population in the model card is damaged"):
        population.from_card(block.replace('"records":1000', '"records":"many"'))
    assert msgspec.json.decode(block.split("\n")[1])["records"] == 1000
