"""`ecg2lab inspect`."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from ecg2lab.cli.options import Model


def run(
    bundle: Model,
    as_json: Annotated[bool, typer.Option("--json", help="Print manifest, contract and proof as JSON.")] = False,
) -> None:
    """Say what a bundle is: network, inputs, targets, proof, and where its weights come from.

    Example: `ecg2lab inspect model.ecg2lab`
    """
    from ecg2lab.bundle import Bundle
    from ecg2lab.proof.parity import STEP, recorded
    from ecg2lab.report import model
    from ecg2lab.report.proof import gates_table, show_left_out
    from ecg2lab.report.screen import console
    from ecg2lab.report.tables import print_table

    opened = Bundle.open(bundle)
    proof = recorded(opened)
    if as_json:
        manifest = msgspec.to_builtins(opened.manifest)
        typer.echo(msgspec.json.encode({"digest": opened.digest, "manifest": manifest, "parity": proof}))
        return
    screen = console()
    screen.print(model.overview(opened, bundle, proof))
    if opened.manifest.gates:
        print_table(gates_table(opened.manifest.gates), screen)
    show_left_out(proof, screen, said=(STEP,))
    print_table(model.inputs(opened), screen)
    print_table(model.targets(opened), screen)
    screen.print(opened.manifest.notice.upper(), style="bold yellow")
