"""`ecg2lab evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ecg2lab.system import extras
from ecg2lab.system.names import shown
from ecg2lab_training.cli.terminal import Json, bar, report

if TYPE_CHECKING:
    from ecg2lab_training.evaluation.result import Evaluation


def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="RUN|MODEL", help="Folder of a training run, or a bundle, X.ecg2lab.")
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA|TABLE.csv", help="Data set, or a table of own recordings.")],
    out: Annotated[Path, typer.Option(help="New or empty folder for the report.")],
    bootstrap: Annotated[str, typer.Option(help="What is drawn: patients, or single ECGs (paper).")] = "patients",
    rounds: Annotated[int, typer.Option(min=1, max=100_000, help="Rounds of the bootstrap.")] = 1000,
    decide: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="Choose thresholds anew and write contract.json: specificity=0.9, sensitivity=0.9, ppv=0.5, "
            "net-benefit=0.1, youden or none.",
        ),
    ] = None,
    least_cases: Annotated[int, typer.Option(min=1, help="Positives, and negatives, that a threshold needs.")] = 100,
    prevalence: Annotated[
        list[str] | None, typer.Option(help="TARGET=0.1, or a JSON file of such; for PPV and NPV. May be repeated.")
    ] = None,
    labs: Annotated[
        Path | None, typer.Option(metavar="LABS.csv", help="Laboratory values with their times, for TABLE.csv.")
    ] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="Refit calibration and decisions on TABLE.csv: a new contract.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    as_json: Json = False,
) -> None:
    """Measure what a model is worth, and write the report: JSON, table, figures, model card.

    On a data set the test fold is judged; nothing is ever fitted on it. On a table, all recordings are judged, damaged
    ones are listed and left out, and what differs from the training population is named.

    For example:

    - `ecg2lab evaluate run/ patients/ --out report/`

    - `ecg2lab evaluate run/ patients/ --out report/ --decide sensitivity=0.9 --prevalence potassium_high_now=0.02`

    - `ecg2lab evaluate model.ecg2lab recordings.csv --labs labs.csv --out report/ --recalibrate`
    """
    extras.require("train", "torch", "polars", "sklearn", "matplotlib")
    from ecg2lab_training.data import dataset
    from ecg2lab_training.evaluation import evaluate as judging
    from ecg2lab_training.evaluation import new_contract_files, options, site
    from ecg2lab_training.evaluation.subject import open_subject
    from ecg2lab_training.files import require_free

    require_free(out)
    own = options.is_table(data, labs, decide, recalibrate)
    subject = open_subject(model)
    wishes = options.wishes(subject.contract, bootstrap, rounds, seed, decide, least_cases, prevalence or [])
    with bar("evaluating") as progress:
        more = None
        if own:
            evaluation, cases = site.on_own_data(subject, data, labs, wishes, progress)
            if recalibrate:
                more = site.files_of(site.new_contract(subject, evaluation, cases, wishes, data, labs), model, subject)
        else:
            records = dataset.read(data)
            fitted = judging.fit(subject, records, wishes)
            evaluation, cases = judging.on_data_set(subject, records, wishes, progress, fitted)
            if decide is not None:
                more = new_contract_files.of_decisions(fitted.contract, fitted.space, evaluation, model, subject)
        evaluation = judging.write(out, evaluation, cases, more)
    report(_summary(evaluation, out), _sentence(evaluation, out), as_json)


def _summary(evaluation: Evaluation, out: Path) -> dict[str, object]:
    import msgspec

    return {
        "report": shown(out),
        "records": evaluation.data.records,
        "skipped": len(evaluation.data.skipped),
        "macro_auroc": msgspec.to_builtins(evaluation.overall.macro_auroc),
        "macro_auroc_baseline": evaluation.baseline and evaluation.baseline.macro_auroc.value,
        "macro_gap_to_ideal": evaluation.ideal and evaluation.ideal.macro_gap.value,
        "nowhere_contains_half": evaluation.ideal and evaluation.ideal.nowhere_contains_half,
        "mean_ece": evaluation.overall.after.mean_ece,
        "pooled_ece": evaluation.overall.after.pooled_ece,
    }


def _sentence(evaluation: Evaluation, out: Path) -> str:
    from ecg2lab_training.evaluation import few
    from ecg2lab_training.evaluation.words import beside_ideal, over_targets
    from ecg2lab_training.progress import counted

    data, overall, skipped = evaluation.data, evaluation.overall, len(evaluation.data.skipped)
    macro = over_targets(evaluation, overall.macro_auroc)
    synthetic = "Trained on simulated patients: the figures say nothing about people"
    lines = [
        synthetic if evaluation.model.synthetic_weights else "",
        few.sentence(evaluation),
        f"Macro AUROC {macro} over {counted(overall.targets, 'target')}, {counted(data.records, 'ECG')} of "
        f"{counted(data.patients, 'patient')}, {data.part}",
    ]
    if evaluation.baseline is not None:
        lines.append(f"Tabular baseline {over_targets(evaluation, evaluation.baseline.macro_auroc)}")
    if skipped:
        lines.append(f"{counted(skipped, 'recording')} could not be used; evaluation.json has the reasons")
    return "\n".join(filter(None, [*lines, beside_ideal(evaluation), f"Report in {shown(out)}"]))
