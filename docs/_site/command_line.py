"""Hook of mkdocs: the reference of the command line, made of the commands' own help texts when the site is built."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

PAGE = "reference/command-line.md"
_HEAD = """# Command line

`ecg2lab VERB`, or `python -m ecg2lab VERB`. Answers are on standard output; refusals are one line on standard error,
progress is not on standard output either. `--json` is there for programs. The verbs complete themselves in a
[shell](../completion.md).

| exit code | |
|---|---|
| 0 | answered |
| 1 | an input was refused; the line begins with the [error](errors.md)'s name |
| 2 | the command was misused |
| 3 | internal error; `ECG2LAB_DEBUG=1` shows the traceback |
| 130 | interrupted |
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, PAGE, content=page()))
    return files


def page() -> str:
    """All verbs, in the order of `ecg2lab --help`."""
    verbs = (_section(command, context) for command, context in commands() if not _subcommands(command))
    return "\n".join([_HEAD, *verbs])


def commands() -> Iterator[tuple[Any, Any]]:
    """Each command and its context, groups before what they hold.

    Typer has Click's classes in some versions and its own in others, with the same methods: hence Any.
    """
    import typer.main

    from ecg2lab import cli

    if "train" not in _subcommands(typer.main.get_command(cli.app)):
        cli.load_verbs()
    root = typer.main.get_command(cli.app)
    yield from _below(root, root.context_class(root, info_name="ecg2lab"))


def _below(command: Any, context: Any) -> Iterator[tuple[Any, Any]]:
    yield command, context
    for name, sub in _subcommands(command).items():
        yield from _below(sub, sub.context_class(sub, info_name=name, parent=context))


def _subcommands(command: Any) -> dict[str, Any]:
    found: dict[str, Any] = getattr(command, "commands", {})
    return found


def _section(command: Any, context: Any) -> str:
    usage = " ".join(command.get_usage(context).removeprefix("Usage:").split())
    parts = [f"## {context.command_path}\n", f"```text\n{usage}\n```\n", inspect.cleandoc(command.help), ""]
    records = [record for p in command.params if (record := p.get_help_record(context)) and "--help" not in record[0]]
    if records:
        parts += ["| | |", "|---|---|", *(f"| `{name}` | {_cell(text)} |" for name, text in records), ""]
    return "\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("[", "\\[")
