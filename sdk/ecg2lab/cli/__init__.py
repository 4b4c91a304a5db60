"""The command line: `ecg2lab VERB`.

Exit codes: 0 answered, 1 an input was refused, 2 the command was misused, 3 an internal error. Refusals are one line on
stderr; answers are on stdout, progress is not.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib.metadata import entry_points

import typer

from ecg2lab.cli import demo, devices, inspect, predict, score, selftest, serve, stream, termination
from ecg2lab.cli.complaints import DEBUG, INTERNAL, REFUSED, complain, internal
from ecg2lab.cli.options import flat
from ecg2lab.cli.standard_streams import usable_streams
from ecg2lab.cli.verbs import Verbs
from ecg2lab.errors import Ecg2LabError

app = typer.Typer(
    name="ecg2lab",
    cls=Verbs,
    help="Laboratory abnormalities estimated from a 12-lead ECG. Research software, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command("demo")(demo.run)
app.command("predict")(flat(predict.run))
app.command("stream")(flat(stream.run))
app.command("score")(flat(score.run))
app.command("inspect")(inspect.run)
app.command("selftest")(selftest.run)
app.command("devices")(devices.run)
app.command("serve")(serve.run)


def _version(asked: bool) -> None:
    if asked:
        from ecg2lab._native import _core

        typer.echo(f"ecg2lab {_core.version}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    del version


def load_verbs() -> None:
    """Add the verbs of the other packages that are installed."""
    for point in sorted(entry_points(group="ecg2lab.commands"), key=lambda p: p.name):
        point.load()(app)


def main() -> None:
    """Run the command line; every refusal becomes one line."""
    with usable_streams():
        _main()


def _main() -> None:
    if threading.current_thread() is threading.main_thread():
        termination.watch()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whose reader has seen enough
            name = "" if error.filename is None else f" {error.filename}"
            complain(f"cannot read or write{name}: {error.strerror or type(error).__name__}")
        sys.exit(REFUSED)
    except Ecg2LabError as error:
        complain(f"{type(error).__name__}: {error}")
        sys.exit(REFUSED)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        complain(internal(error))
        sys.exit(INTERNAL)
