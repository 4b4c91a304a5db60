"""The terminal: text that looks like markup is shown as text, and a waiting command says what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.text import Text

from ecg2lab.system.names import shown


def console(*, stderr: bool = False, file: IO[str] | None = None, width: int | None = None) -> Console:
    """A console that shows `[red]` or `:smile:` unchanged, since a text may be a file's name or a unit."""
    return Console(stderr=stderr, file=file, width=width, highlight=False, markup=False, emoji=False)


@contextmanager
def waiting(message: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr what takes long, if it is a terminal; yields a function that changes the message."""
    with console(stderr=True).status(Text(message)) as status:
        yield lambda text: status.update(Text(text))


def show_written(path: Path, on: Console, more: str = "") -> None:
    """Say where a file was written."""
    on.print(f"wrote {shown(path)}{more}", soft_wrap=True)
