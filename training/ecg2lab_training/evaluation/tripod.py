"""What TRIPOD+AI (BMJ 2024, 385 e078378) asks of a report on a prediction model, and the rest of the card does not say.

All of it comes from the evaluation. What that does not hold is said as not stated, and nothing is assumed in its place.
"""

from __future__ import annotations

from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.words import markdown, percent

NOT_STATED = "not stated"
ENOUGH = 100
"""Positives, and negatives, that an external validation should have: Collins et al., Statistics in Medicine 2016."""


def section(e: Evaluation) -> str:
    """Write Markdown: a table of items, and the missing data of each predictor."""
    head = ("item", "statement")
    missing = markdown(("predictor", "missing here", "missing in training"), _missing(e))
    return f"{markdown(head, _items(e).items())}\n{missing}"


def _items(e: Evaluation) -> dict[str, str]:
    simulated = "simulated patients: none"
    return {
        "Source of data": e.data.description,
        "Setting": simulated if e.data.synthetic else NOT_STATED,
        "Dates": simulated if e.data.synthetic else " to ".join(e.data.dates) if e.data.dates else NOT_STATED,
        "Eligibility": _eligibility(e),
        "Outcome": _outcome(e),
        "Sample size": _sample_size(e),
        "Missing predictors": "replaced by the training median; shares below",
        "Missing outcomes": "a target is judged on the ECGs that have its label; shares in *Performance by target*",
        "Choice of the epoch": _by_training(e, "the greatest macro AUROC in fold 18 of the training data"),
        "Calibration": _by_training(e, "fitted on fold 18 of the training data", e.overall.calibration_from),
        "Choice of thresholds": _thresholds(e),
        "Independence": _independence(e),
        "Protocol, registration, funding, conflicts of interest, ethical approval": NOT_STATED,
    }


def _eligibility(e: Evaluation) -> str:
    table = e.data.kind == "table"
    text = f"the software refuses patients younger than {e.model.minimum_age:g} years; " if table else ""
    skipped = f"{len(e.data.skipped)} recordings could not be used, evaluation.json has the reasons; "
    return f"{text}{skipped if e.data.skipped else ''}criteria of the {e.data.kind} itself: {NOT_STATED}"


def _outcome(e: Evaluation) -> str:
    settings = {t.criterion.setting for t in e.targets if t.criterion}
    meaning = {
        "prediction": "the laboratory value closest to the ECG, within the minutes listed, is beyond its limit",
        "forecasting": "any laboratory value in the minutes after the ECG is beyond its limit",
    }
    said = [text for setting, text in meaning.items() if setting in settings]
    if not said:
        return NOT_STATED
    return (
        f"{'; or '.join(said)} (*Performance by target* has limits and units). Blinding of the laboratory: {NOT_STATED}"
    )


def _sample_size(e: Evaluation) -> str:
    enough = sum(min(t.positives, t.negatives) >= ENOUGH for t in e.targets)
    return (
        f"rationale {NOT_STATED}; {enough} of {len(e.targets)} targets have the {ENOUGH} positives and negatives that "
        "Collins et al. (Statistics in Medicine 2016) ask of a validation"
    )


def _by_training(e: Evaluation, run: str, otherwise: str = NOT_STATED) -> str:
    """What training does; a bundle does not say how it was trained, nor is what was fitted here of training."""
    fitted_here = otherwise not in (NOT_STATED, "of the model's contract")
    return run if e.model.kind == "run" and not fitted_here else otherwise


def _thresholds(e: Evaluation) -> str:
    ways = sorted({(d.rule, d.chosen_on or NOT_STATED) for t in e.targets if (d := t.decision)})
    if not ways:
        return "no target has a threshold"
    return "; ".join(f"{rule}, chosen on: {patients}" for rule, patients in ways)


def _independence(e: Evaluation) -> str:
    if e.model.kind != "run":
        return NOT_STATED
    return (
        "fold 18 chose the epoch, fitted the calibration and chose the thresholds; "
        f"nothing was fitted on what is judged here ({e.data.part})"
    )


def _missing(e: Evaluation) -> list[list[str]]:
    there = e.training_population
    numbers = {name: n.missing for name, n in e.population.numbers.items()}
    here = numbers | {name: shares["missing"] for name, shares in e.population.categories.items()}
    then = {} if there is None else {name: n.missing for name, n in there.numbers.items()}
    then |= {} if there is None else {name: shares["missing"] for name, shares in there.categories.items()}
    return [[name, percent(value), percent(then[name]) if name in then else NOT_STATED] for name, value in here.items()]
