"""`ecg2lab train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ecg2lab.system import extras
from ecg2lab.system.names import shown
from ecg2lab_training.cli.terminal import Json, bar, report

if TYPE_CHECKING:
    from ecg2lab_training.fit.run_writer import Run


def train(
    config: Annotated[str, typer.Argument(metavar="CONFIG", help="`demo`, `small`, `paper` or a JSON file.")],
    data: Annotated[Path, typer.Option(help="Data set, as `ecg2lab cohort` writes it.")],
    out: Annotated[Path, typer.Option(help="New or empty folder for the run.")],
    inputs: Annotated[
        Literal["fusion", "ecg", "tabular"] | None,
        typer.Option(help="What the network sees, instead of what CONFIG says: an ablation sees one part."),
    ] = None,
    devices: Annotated[int, typer.Option(min=1, help="Processes that share each batch (Lightning DDP).")] = 1,
    precision: Annotated[Literal["fp32", "bf16"], typer.Option(help="Precision of the dense products.")] = "fp32",
    accelerator: Annotated[Literal["auto", "cpu", "gpu"], typer.Option(help="Where to train.")] = "auto",
    as_json: Json = False,
) -> None:
    """Train the fusion network and write weights, contract and measured AUROC.

    The epoch is selected by macro AUROC in fold 18; fold 19 tests. A run that was killed goes on when the same command
    is given again, and ends with the weights it would have had. OUT/logs is for TensorBoard.

    For example:

    - `ecg2lab train demo --data data/ --out run/`

    - `ecg2lab train demo --data data/ --out run-ecg/ --inputs ecg`

    - `ecg2lab train paper --data mimic-data/ --out run/ --devices 4 --precision bf16 --json`
    """
    extras.require("train", "torch", "lightning", "polars", "safetensors", "tensorboard")
    import msgspec

    from ecg2lab_training.data import dataset
    from ecg2lab_training.files import require_free
    from ecg2lab_training.fit import config as configs

    settings = configs.read(config)
    if inputs is not None:
        settings = msgspec.structs.replace(settings, inputs=inputs)
    require_free(out)
    patients = dataset.read(data)
    from ecg2lab_training.fit.run import fit  # seconds of imports: after all that can be refused at once

    with bar("training") as progress:
        run = fit(settings, patients, out, progress, devices=devices, precision=precision, accelerator=accelerator)
    if run is None:  # Lightning started this process to help
        return
    if as_json:
        report({"run": shown(out), **msgspec.to_builtins(run)}, "", as_json)
    else:
        _print_run(run, out)


def _print_run(run: Run, out: Path) -> None:
    from rich.table import Table

    from ecg2lab.report.screen import console

    table = Table(title=run.training_data, title_justify="left", caption="AUROC by fold; cases in test")
    table.add_column("target", no_wrap=True)
    for name in ("validation", "test", "pos.", "neg."):
        table.add_column(name, justify="right")
    for name, t in run.metrics.targets.items():
        areas = ("-" if a is None else f"{a:.3f}" for a in (t.auroc_validation, t.auroc_test))
        table.add_row(name, *areas, str(t.positives_test), str(t.negatives_test))
    screen = console()
    screen.print(table)
    screen.print(f"{run.statement} Written to {shown(out)}")
