"""Completion in bash, by the script that `--show-completion` prints: verbs, options, words; and the help texts."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from ecg2lab import cli

pytestmark = pytest.mark.slow

BASH = shutil.which("bash")
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def all_commands() -> list[tuple[list[str], Any]]:
    """Every verb with its words after `ecg2lab`; groups are left out."""
    if "train" not in [command.name for command in typer.main.get_command(cli.app).commands.values()]:
        cli.load_verbs()
    return list(below([], typer.main.get_command(cli.app)))


def below(words: list[str], command: Any) -> Any:
    """The commands of a group, and of the groups in it."""
    for name, sub in command.commands.items():
        if hasattr(sub, "commands"):
            yield from below([*words, name], sub)
        else:
            yield [*words, name], sub


COMMANDS = all_commands()


def in_bash(script: str, home: Path) -> list[str]:
    """What a script prints, in lines."""
    assert BASH is not None
    done = subprocess.run(
        [BASH, "--noprofile", "--norc", "-e", "-c", script],
        env={**ENVIRONMENT, "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


def offered(typed: str, home: Path) -> list[str]:
    """What the script offers for the last word of a line."""
    words = typed.split(" ")
    array = " ".join(map(shlex.quote, words))
    return in_bash(
        f"source <(ecg2lab --show-completion); COMP_WORDS=({array}); COMP_CWORD={len(words) - 1};"
        "words=$(complete -p ecg2lab); [[ $words == *_ecg2lab_completion* ]];"
        '_ecg2lab_completion ecg2lab; printf "%s\\n" "${COMPREPLY[@]}"',
        home,
    )


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ecg2lab pre", {"predict"}),
        ("ecg2lab bench c", {"compare"}),
        ("ecg2lab predict --te", {"--temperature-c", "--temperature-f"}),
        ("ecg2lab predict model.ecg2lab record.hea --sex ", {"female", "male"}),
        ("ecg2lab stream model.ecg2lab record.hea --sex ", {"female", "male"}),
        ("ecg2lab train demo --inp", {"--inputs"}),
    ],
)
def test_bash_is_offered_verbs_options_and_words(typed: str, expected: set[str], tmp_path: Path) -> None:
    assert set(offered(typed, tmp_path)) == expected


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_every_verb_is_offered(tmp_path: Path) -> None:
    assert set(offered("ecg2lab ", tmp_path)) == {words[0] for words, _ in COMMANDS}


@pytest.mark.skipif(BASH is None, reason="bash is not installed")
def test_what_is_installed_is_what_is_shown(tmp_path: Path) -> None:
    in_bash("ecg2lab --install-completion || exit 1; true", tmp_path)  # the shell is that of the process above
    (installed,) = (tmp_path / ".bash_completions").iterdir()
    shown = in_bash("ecg2lab --show-completion || exit 1; true", tmp_path)
    assert installed.read_text().split() == " ".join(shown).split()
    assert str(installed) in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(words) for words, _ in COMMANDS])
def test_the_examples_of_a_help_text_are_understood_by_its_command(words: list[str], command: Any) -> None:
    """By the parser that the command itself has; an example may be a pipe, whose last command is then looked at."""
    examples = re.findall(r"`([^`\n]*\becg2lab [^`\n]*)`", re.split(r"For example:|Example:", command.help)[-1])
    assert examples, "a help text has an example"
    for example in examples:
        typed = shlex.split(example.split("|")[-1])
        assert typed[: len(words) + 1] == ["ecg2lab", *words]
        with command.make_context(" ".join(words), typed[len(words) + 1 :]):
            pass
