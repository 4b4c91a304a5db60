"""Code blocks of the documentation, and what runs them.

A page's blocks run in order, as its reader types them, in an empty folder of their own: a file that a block names was
made by one before it. A comment in a page's source speaks to this module, right before a block:

    <!-- not run: REASON -->      the block is left out

`python` blocks share their variables; a `text` block right behind one is what it prints. In a
`console` block, lines after `$ ` are typed, and the others are what is shown; `…` stands for any text, alone in a line
for any lines. Exit code 1 is expected where the last line shown begins with `error: `, else 0. A `bash` block is typed
as a whole.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
RUN = ("python", "console", "bash")
DATA = ("text", "json", "csv", "html", "xml")
"""Nothing to run."""
ELSEWHERE = ("c", "cpp", "csharp", "java")
"""Those of embedding.md are compiled, or held to the examples, by tests/native."""
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+?) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass
class Block:
    """A fenced block."""

    page: Path
    line: int
    """Of its fence."""
    language: str
    text: str
    reason: str | None
    """Why it is not run; None: it is."""
    output: str | None = None
    """What a python block prints; None: not said."""

    @property
    def place(self) -> str:
        """For messages."""
        return f"{os.path.relpath(self.page, ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    content, found, end = page.read_text(encoding="utf-8"), [], 0
    for match in _BLOCK.finditer(content):
        line = content.count("\n", 0, match.start("indent")) + 1
        text = textwrap.dedent(match["text"]) if match["indent"] else match["text"]
        block = Block(page, line, match["language"], text, match["reason"])
        follows = found and not content[end : match.start()].strip()
        if follows and block.language == "text" and found[-1].language == "python":
            found[-1].output = block.text
        found.append(block)
        end = match.end()
    return found


_FILE = re.compile(r"(?<![\w/$}{.*~-])((?:[\w.-]+/)*[\w-]+\.[a-z][a-z0-9]+|[\w-]+/)(?![\w/*-])")
"""A file or a folder of the reader's, in a command."""
_NO_FILE = re.compile(
    r"https?://\S+|\S*@\S*|\S+:\S+/\S*|(?<=\s)-D\S+|-m \S+|python3? -c (?:\"[^\"]*\"|'[^']*')|<<'(\w+)'.*?^\1$",
    re.MULTILINE | re.DOTALL,
)
"""Addresses, definitions, modules, and programs within a command."""


def unmade(page: Path) -> list[str]:
    """Files that commands name which are not run, and that neither a step before nor a sentence told the reader of."""
    content, missing = page.read_text(encoding="utf-8"), []
    for block in blocks(page):
        if block.language not in ("bash", "console") or block.reason is None:
            continue
        lines = content.splitlines()
        told = "\n".join(lines[: block.line - 1])
        for line in _NO_FILE.sub(" ", block.text).splitlines():
            command = line.split("#")[0]
            for file in _FILE.findall(command):
                made = re.search(rf"(?:--\w+[= ]|-out:|-o |-O |>+ ?|mkdir (?:-p )?){re.escape(file)}", command)
                if not (made or Path(file).name in told or (ROOT / file).exists()):
                    missing.append(f"{block.place}: {file}")
            told += f"\n{line}"
    return missing


def runnable(page: Path) -> list[Block]:
    """Those that are run."""
    return [block for block in blocks(page) if block.language in RUN and block.reason is None]


def run(page: Path, folder: Path) -> None:
    """Run a page's blocks in the current folder, `folder`.

    Raises
    ------
    AssertionError
        If one of them prints something else than the page shows.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in runnable(page):
        if block.language == "python":
            printed = _python(block.text, block.place, names)
            if block.output is not None:
                assert matches(block.output, printed), f"{block.place} prints\n{printed}"
        else:
            typed = [(block.text, "")] if block.language == "bash" else commands(block.text)
            for command, shown in typed:
                _console(command, shown, block.place, folder)


def _python(text: str, place: str, names: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(text, place, "exec"), names)
    return printed.getvalue()


def commands(text: str) -> Iterator[tuple[str, str]]:
    """What is typed in a console block, and what is shown after it."""
    typed, shown = "", ""
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            if typed:
                yield typed, shown
            typed, shown = line[2:], ""
        elif typed.endswith("\\\n"):
            typed += line
        else:
            assert typed, f"a console block begins with a command, not with {line!r}"
            shown += line
    yield typed, shown


def _console(command: str, shown: str, place: str, folder: Path) -> None:
    """As a person types it into a terminal of 80 columns."""
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    environment["HOME"] = str(folder)  # of a reader who has no settings
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    refused = (shown.splitlines() or [""])[-1].startswith("error: ")
    assert done.returncode == int(refused), f"{place}: {command}exit code {done.returncode}\n{done.stdout}"
    if shown:
        assert matches(shown, done.stdout), f"{place}: {command}prints\n{done.stdout}"


def matches(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; spaces at the ends of lines do not count."""
    pattern = ""
    for line in shown.rstrip("\n").split("\n"):
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += "[^\n]*".join(map(re.escape, line.rstrip().split("…"))) + "\n"
    lines = "".join(f"{line.rstrip()}\n" for line in printed.rstrip("\n").split("\n"))
    return re.fullmatch(pattern, lines) is not None
