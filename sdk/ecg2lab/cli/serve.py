"""`ecg2lab serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ecg2lab.cli import termination
from ecg2lab.cli.options import BackendName, Model, Precision


def run(
    bundle: Model,
    config: Annotated[
        Path | None,
        typer.Option(help="What the node is told, in JSON. Default: it answers on this machine alone, at port 8080."),
    ] = None,
    backend: BackendName = "auto",
    precision: Precision = None,
    check: Annotated[bool, typer.Option("--check", help="Say what is wrong with the configuration, and stop.")] = False,
    new_token: Annotated[
        bool, typer.Option("--new-token", help="Print a new token and what the configuration has of it, and stop.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of --config and stop.")] = False,
) -> None:
    """Serve as an edge node: take recordings over HTTP, answer, and send the answers on.

    What was taken is on the disk before it is acknowledged, and reaches each destination at least once, also if the
    node is killed in between. SIGTERM and Ctrl-C stop it in order.

    For example:

    - `ecg2lab serve model.ecg2lab`

    - `ecg2lab serve model.ecg2lab --config edge.json --check`

    - `curl -F file=@r.hea -F file=@r.dat -F age=63 'localhost:8080/v1/recordings?wait'`
    """
    from ecg2lab.edge import config as configurations
    from ecg2lab.system.extras import require

    if schema:
        typer.echo(configurations.schema_text(), nl=False)
        return
    if new_token:
        token, digest = configurations.new_token()
        typer.echo(f'{token}\n"sha256": "{digest}"')
        return
    if config is None:
        configuration, base = configurations.Configuration(), Path.cwd()
    else:
        configuration, base = configurations.read(config)
    extras = ["grpc"] if configuration.grpc else []
    extras += ["pynetdicom"] if configurations.speaks_dicom(configuration) else []
    require("edge", "litestar", "uvicorn", "websockets", *extras)
    from ecg2lab.edge import checks, serving

    checks.require_usable(configuration, base)
    if check:
        typer.echo(f"{config or 'the default configuration'} can be served")
        return
    import ecg2lab

    termination.leave_alone()
    engine = ecg2lab.load(bundle, backend, precision, threads=configuration.threads)
    typer.echo(f"{engine.info.model}: {engine.info.notice}", err=True)
    typer.echo(f"serving on {serving.address(configuration)}", err=True)
    serving.serve(engine, configuration, base)
