"""`ecg2lab selftest`."""

from __future__ import annotations

from typing import Annotated

import typer

from ecg2lab.cli.options import Adapter, AllowSoftware, Model


def run(
    bundle: Model,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads of one call.")] = 1,
    backend: Annotated[
        str | None, typer.Option(help="Test only this backend, which must be installed.", show_default=False)
    ] = None,
    adapter: Adapter = None,
    allow_software: AllowSoftware = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measured checks as JSON.")] = False,
) -> None:
    """Compute the golden inputs of a bundle again on this device, on every backend at hand, and compare with float64.

    Exit code 1 if any error is beyond the limit that the export proved.

    For example:

    - `ecg2lab selftest model.ecg2lab`

    - `ecg2lab selftest model.ecg2lab --backend webgpu`
    """
    import msgspec

    from ecg2lab import selftest
    from ecg2lab.bundle import Bundle
    from ecg2lab.report.proof import checks_table, show_left_out
    from ecg2lab.report.screen import console, waiting
    from ecg2lab.report.tables import print_table

    with waiting("computing the golden inputs"):
        report = selftest.run(Bundle.open(bundle), threads, backend, adapter=adapter, allow_software=allow_software)
    if as_json:
        typer.echo(msgspec.json.encode({"passed": report.passed, **msgspec.to_builtins(report)}))
    else:
        screen = console()
        print_table(checks_table(report), screen)
        show_left_out(report, screen)
        passed = sum(check.passed for check in report.checks)
        screen.print(
            f"{passed} of {len(report.checks)} checks passed on {report.cpu}. The bundle holds the {report.form} form "
            f"in {report.precision}; each row is the check that came nearest to its limit."
        )
    report.require("this device does not compute the model as it was proved")
