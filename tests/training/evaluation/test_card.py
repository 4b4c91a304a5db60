"""The model card says what was evaluated, and of what was not it says that or nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.evaluate import on_data_set
from ecg2lab_training.evaluation.result import Evaluation

from .test_evaluate import FEW, open_subject

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def judged(small_run, small) -> Evaluation:
    """Of a run on its data set."""
    return on_data_set(open_subject(small_run), small, FEW)[0]


@pytest.mark.parametrize(
    ("synthetic", "statement"),
    [
        (True, "Trained on simulated patients. It has never seen a person. Not for clinical use."),
        (None, "Weights of unstated origin. Research software. Not for clinical use."),
        (False, "Research software. Not a medical device. Not for clinical use."),
    ],
)
def test_whatever_the_weights_are_of_it_is_not_for_clinical_use(judged, synthetic, statement) -> None:
    text = card(replace(judged, model=replace(judged.model, synthetic_weights=synthetic)))
    assert f"**{statement}**" in text
    assert ("All of it is simulated" in text) == (synthetic is True)


def test_what_was_not_measured_is_not_spoken_of(judged) -> None:
    """Without baseline, ideal observer, training population, subgroups and thresholds it is whole all the same."""
    bare = replace(judged, baseline=None, ideal=None, training_population=None, groups=(), windows=judged.windows[:1])
    text = card(replace(bare, targets=tuple(replace(target, decision=None) for target in judged.targets)))
    for words in ("Without the ECG", "ideal observer", "records in the training folds", "by count of"):
        assert words not in text
    assert "never says *flagged* or *not flagged*" in text
    assert all(target.name in text.split("Without a decision")[1] for target in judged.targets)
    titles = [line for line in card(judged).splitlines() if line.startswith("## ")]
    assert [line for line in text.splitlines() if line.startswith("## ")] == titles


def test_few_cases_are_a_limitation_by_name(judged) -> None:
    few, *others = judged.targets
    targets = (replace(few, positives=29), *(replace(target, positives=30, negatives=30) for target in others))
    assert f"Fewer than 30 positives or negatives were tested for: {few.name}." in card(
        replace(judged, targets=targets)
    )
    many = tuple(replace(target, positives=30, negatives=30) for target in targets)
    assert "Fewer than 30" not in card(replace(judged, targets=many))
