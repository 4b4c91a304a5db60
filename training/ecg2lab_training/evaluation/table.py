"""table.md: one row for each label, in the paper's layout, with the paper's figures beside."""

from __future__ import annotations

from ecg2lab_training.evaluation import few, published
from ecg2lab_training.evaluation.result import Evaluation, TargetResult
from ecg2lab_training.evaluation.words import agreement, auroc, decimal, markdown, outside, over_targets
from ecg2lab_training.progress import counted

_HEAD = ("category", "lab", "criterion", "setting", "horizon", "AUROC [95 % CI]", "pos./neg.")
_CALIBRATION = ("intercept [95 % CI]", "slope [95 % CI]")


def table(evaluation: Evaluation) -> str:
    """Write Markdown from an evaluation."""
    has_baseline, has_ideal = evaluation.baseline is not None, evaluation.ideal is not None
    head = [*_HEAD, *_CALIBRATION, *["tabular baseline"] * has_baseline, *["ideal observer"] * has_ideal, "paper"]
    rows = []
    for target in sorted(evaluation.targets, key=_order):
        row = [*_meaning(target), auroc(target), f"{target.positives}/{target.negatives}", *agreement(target)]
        row += [decimal(target.baseline)] * has_baseline + [decimal(target.ideal)] * has_ideal
        rows.append([*row, published.AUROC.get(target.name, "")])
    return f"# {evaluation.model.name}\n\n{_introduction(evaluation)}\n{markdown(head, rows)}\n{_end(evaluation)}"


def _order(target: TargetResult) -> tuple[str, int, str]:
    """Prediction before forecasting, then the best first, as the paper prints it."""
    c = target.criterion
    setting = "0" if c is None or c.setting == "prediction" else "1"
    return setting, c.horizon_min if c and setting == "1" else 0, f"{1 - (target.auroc.value or 0):.6f}{target.name}"


def _meaning(target: TargetResult) -> tuple[str, str, str, str, str]:
    c = target.criterion
    if c is None:
        return "", target.name, "not stated", "", ""
    sign = "±" if c.setting == "prediction" else ""
    return (
        c.category,
        c.lab,
        f"{c.comparison} {c.threshold:g} {c.unit}".strip(),
        c.setting,
        f"{sign}{c.horizon_min} min",
    )


def _introduction(evaluation: Evaluation) -> str:
    data, macro = evaluation.data, over_targets(evaluation, evaluation.overall.macro_auroc)
    whose = counted(data.patients, "simulated patient" if data.synthetic else "patient")
    warning = few.sentence(evaluation)
    unit = "patients" if evaluation.settings.bootstrap == "patients" else "ECGs"
    return (
        (f"**{warning}**\n\n" if warning else "")
        + f"{counted(data.records, 'ECG')} of {whose}, {data.part}. Macro AUROC over "
        f"{counted(evaluation.overall.targets, 'target')}: {macro}; the paper's: {published.MACRO}. "
        f"Intervals: {evaluation.settings.rounds} bootstrap rounds over {unit}.\n"
        + (f"\n{outside(evaluation.outside)}" if evaluation.outside else "")
    )


def _end(evaluation: Evaluation) -> str:
    there = {target.name for target in evaluation.targets}
    missing = [f"{name} {figure}" for name, figure in published.AUROC.items() if name not in there]
    others = f"Also published, of labels that are not in this table: {'; '.join(missing)}. " if missing else ""
    return others + _comparable(evaluation)


def _comparable(evaluation: Evaluation) -> str:
    if evaluation.data.synthetic:
        return f"{published.STATEMENT}; the patients here are simulated: the two must not be compared.\n"
    return f"{published.STATEMENT}, 2008-2022, of one hospital; other patients have other figures.\n"
