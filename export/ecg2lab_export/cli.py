"""`ecg2lab export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from ecg2lab.bundle import Manifest
    from ecg2lab.proof.parity import ParityReport


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(run)


def run(
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="CHECKPOINT", help="CardioLab .ckpt, .safetensors, or the folder of a training run."),
    ],
    out: Annotated[Path, typer.Option(help="The bundle to write, X.ecg2lab.")],
    contract: Annotated[Path | None, typer.Option(help="JSON: what inputs and outputs mean.")] = None,
    form: Annotated[
        str | None, typer.Option(help="Form of the window graph: spectral or recurrent. Default: the faster.")
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, fp16, bf16 or int8; all but fp32 must pass a gate.")] = "fp32",
    calibration: Annotated[
        Path | None, typer.Option(help=".npz or .safetensors with windows, perhaps labels, for the gate.")
    ] = None,
    max_auroc_loss: Annotated[
        float, typer.Option(help="Largest AUROC loss of any target by a reduced precision.")
    ] = 0.002,
    evaluation: Annotated[
        Path | None, typer.Option(help="Report of `ecg2lab evaluate` on this run; its model card goes into the bundle.")
    ] = None,
    synthetic_weights: Annotated[
        bool | None,
        typer.Option(help="Say of a bare checkpoint whether its weights are random or from simulated patients."),
    ] = None,
    allow_software: Annotated[
        bool, typer.Option(help="Let a software adapter take part in the proof, as a GPU does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the proof as JSON.")] = False,
) -> None:
    """Turn a checkpoint into a bundle that computes it, and carries the proof.

    Nothing of the checkpoint is executed. Without a contract the targets are called `target_000 …`, all inputs must be
    given, and nothing is ever *flagged*.

    For example:

    - `ecg2lab export run/ --out model.ecg2lab`

    - `ecg2lab export run/ --evaluation report/ --out model.ecg2lab`

    - `ecg2lab export epoch=39.ckpt --contract contract.json --out model.ecg2lab`

    - `ecg2lab export run/ --precision int8 --out small.ecg2lab`
    """
    from ecg2lab.system.extras import require

    require("export", "onnx", "onnxruntime", "safetensors")
    import msgspec

    from ecg2lab.bundle import Bundle
    from ecg2lab.report.screen import console, waiting
    from ecg2lab_export import export

    with waiting("export") as tell:
        report = export(
            checkpoint,
            out,
            contract=contract,
            precision=precision,
            form=form,
            synthetic_weights=synthetic_weights,
            calibration_set=calibration,
            allow_software=allow_software,
            max_auroc_loss=max_auroc_loss,
            evaluation=evaluation,
            tell=tell,
        )
    manifest = Bundle.open(out).manifest
    if as_json:
        gates = msgspec.to_builtins(manifest.gates)
        typer.echo(msgspec.json.encode({"notice": manifest.notice, "gates": gates, **msgspec.to_builtins(report)}))
        return
    _show(report, manifest, out, console())


def _show(report: ParityReport, manifest: Manifest, out: Path, console: Console) -> None:
    from ecg2lab.report.proof import checks_table, gates_table, show_left_out
    from ecg2lab.report.screen import show_written
    from ecg2lab.report.tables import print_table

    print_table(checks_table(report), console)
    if manifest.gates:
        print_table(gates_table(manifest.gates), console)
    show_left_out(report, console)
    show_written(out, console, f" ({out.stat().st_size / 1e6:.2f} MB), {report.form} form")
    console.print(manifest.notice.upper(), style="bold yellow")
