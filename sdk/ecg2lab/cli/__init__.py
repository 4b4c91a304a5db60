"""The command line: `ecg2lab VERB`.

Exit codes: 0 answered, 1 an input was refused, 2 the command was misused, 3 an internal error. Refusals are one line on
stderr; answers are on stdout, progress is not.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import entry_points

import typer
from rich.console import Console

from ecg2lab.cli import demo, inspect, predict
from ecg2lab.errors import Ecg2LabError

REFUSED, INTERNAL = 1, 3
_DEBUG = "ECG2LAB_DEBUG"

app = typer.Typer(
    name="ecg2lab",
    help="Laboratory abnormalities estimated from a 12-lead ECG. Research software, not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
demo.register(app)
predict.register(app)
inspect.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        from ecg2lab.extras import installed_version

        Console().print(f"ecg2lab {installed_version('ecg2lab')}", highlight=False)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    del version


def main() -> None:
    """Run the command line; every refusal becomes one line."""
    try:
        for point in sorted(entry_points(group="ecg2lab.commands"), key=lambda p: p.name):
            point.load()(app)
        app()
    except Ecg2LabError as error:
        _complain(f"{type(error).__name__}: {error}")
        sys.exit(REFUSED)
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        _complain(f"internal error, {type(error).__name__}: please report it ({_DEBUG}=1 shows the traceback)")
        sys.exit(INTERNAL)


def _complain(message: str) -> None:
    """One line on stderr, whatever the width of the terminal."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
