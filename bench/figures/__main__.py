"""`PYTHONPATH=bench python -m figures picture|readme`."""

from __future__ import annotations

import typer

from figures import picture, readme

app = typer.Typer(help="Make what the README shows.", no_args_is_help=True)
app.command("picture", help="Draw docs/images/demo.png; needs Chromium.")(lambda: picture.make())
app.command("readme", help="Write the README's blocks of figures.")(lambda: readme.make())

if __name__ == "__main__":
    app()
