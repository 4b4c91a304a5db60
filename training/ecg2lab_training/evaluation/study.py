"""`python -m ecg2lab_training.evaluation.study REPORTS`: is the network as good as the simulated patients allow?

REPORTS holds the reports of three models on one data set, `fusion`, `ecg` and `tabular`, as `ecg2lab evaluate` writes
them; `make study` makes all of it. Five questions were set before any training, the sixth before that of the present
demo; what was fitted after one is said in docs/simulation.md:

1. The macro AUROC of *fusion* is within 0.03 of the ideal observer's, over the labels planted in the ECG.
2. *fusion* is above *ecg*, and 3. above *tabular*, by macro AUROC over all labels.
4. Every label that is planted nowhere has 0.50 in its interval, with Bonferroni's correction.
5. The ECE after calibration is at most 0.03, over all answers.
6. The median calibration slope is within 0.9 and 1.1, over the labels that are planted; beside it stands how many of
   the intervals hold 1, for a median says nothing of one label. A label planted nowhere has no slope to be right.
"""

from __future__ import annotations

import math
import statistics
import sys
from pathlib import Path
from typing import NamedTuple

import typer

from ecg2lab.errors import DatasetError, Ecg2LabError
from ecg2lab_training.evaluation import result
from ecg2lab_training.evaluation.estimates import Estimate
from ecg2lab_training.evaluation.result import Evaluation

MODELS = ("fusion", "ecg", "tabular")
LARGEST_GAP = 0.03
LARGEST_ECE = 0.03
SLOPES = (0.9, 1.1)


class Answer(NamedTuple):
    """One question and what was measured."""

    question: str
    measured: str
    reached: bool


def answers(reports: dict[str, Evaluation]) -> tuple[Answer, ...]:
    """Answer the six questions.

    Parameters
    ----------
    reports
        Of the three models, on one data set.

    Raises
    ------
    DatasetError
        If the reports lack what the questions ask for.
    """
    fusion = reports["fusion"]
    ideal, ece = fusion.ideal, fusion.overall.after.pooled_ece
    if ideal is None or ideal.macro_gap.value is None or ece is None:
        raise DatasetError(
            "the report of fusion has no ideal observer or no calibration; evaluate on simulated patients"
        )
    gap, nowhere = ideal.macro_gap.value, bool(ideal.nowhere_contains_half)
    slopes = _slopes(fusion)
    slope = statistics.median([one.value or 0.0 for one in slopes]) if slopes else math.nan
    areas = {name: report.overall.macro_auroc.value or 0.0 for name, report in reports.items()}
    return (
        Answer(
            f"ideal observer ahead by at most {LARGEST_GAP}, over {ideal.targets} labels planted in the ECG",
            f"{ideal.macro_ideal:.3f} - {ideal.macro_model:.3f} = {gap:.3f}",
            gap <= LARGEST_GAP,
        ),
        *(
            Answer(
                f"fusion above {name} alone, macro AUROC",
                f"{areas['fusion']:.3f}, {areas[name]:.3f}",
                areas["fusion"] > areas[name],
            )
            for name in ("ecg", "tabular")
        ),
        Answer(
            f"0.50 within the interval of {len(ideal.nowhere)} labels planted nowhere",
            ", ".join(f"{x.target} {x.low:.3f}-{x.high:.3f}" for x in ideal.nowhere if x.low is not None),
            nowhere,
        ),
        Answer(f"calibrated ECE at most {LARGEST_ECE}", f"{ece:.4f}", ece <= LARGEST_ECE),
        Answer(
            f"median calibration slope within {SLOPES[0]} and {SLOPES[1]}, over the labels that are planted",
            f"{slope:.3f}; {sum(map(_holds_one, slopes))} of {len(slopes)} intervals hold 1",
            SLOPES[0] <= slope <= SLOPES[1],
        ),
    )


def _slopes(report: Evaluation) -> list[Estimate]:
    """Of the planted targets that have one."""
    planted = [target.agreement for target in report.targets if target.planted in ("ecg", "tabular")]
    return [one.slope for one in planted if one and one.slope and one.slope.value is not None]


def _holds_one(slope: Estimate) -> bool:
    return slope.low is not None and slope.high is not None and slope.low <= 1 <= slope.high


def main(folder: str) -> int:
    """Print the answers; 0 if all are yes."""
    try:
        measured = answers({name: result.read(Path(folder) / name / result.FILE) for name in MODELS})
    except Ecg2LabError as error:
        typer.echo(f"error: {error}", err=True)
        return 1
    for answer in measured:
        typer.echo(f"{'yes' if answer.reached else 'NO ':3}  {answer.question}: {answer.measured}")
    return 0 if all(answer.reached for answer in measured) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
