"""Every row of `docs/bad-input.md`: the input is refused by the type and in the words that the page shows."""

from __future__ import annotations

import functools
import re
import shlex
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import bad_inputs
import pytest
from bad_inputs import PAGE, Row

import ecg2lab
from ecg2lab import cli, errors
from ecg2lab_export import export

FEWEST = 100
MISUSED, REFUSED = 2, 1


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What rows begin with; each row gets a copy."""
    folder = tmp_path_factory.mktemp("files")
    causal = tmp_path_factory.mktemp("causal") / "causal.ecg2lab"
    export(bad_inputs.CHECKPOINT.parent.parent / "causal-small" / "checkpoint.ckpt", causal)
    bad_inputs.lay_out(folder, causal)
    return folder


@pytest.fixture(scope="session")
def engine(files: Path) -> Iterator[ecg2lab.Engine]:
    with ecg2lab.load(files / "model.ecg2lab", threads=1) as loaded:
        yield loaded


@functools.cache
def load_verbs() -> None:
    cli.load_verbs()


def as_usage(shown: str) -> str:
    """What a frame around a misuse says, in one line."""
    words = " ".join(re.sub("[│╭╮╰╯─]", " ", shown).split())
    return f"usage: {words.split(' Error ')[-1]}"


def of_command(how: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The answer of a command: its only error line, or how it was misused."""
    load_verbs()
    monkeypatch.setattr("sys.argv", shlex.split(how))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr().err
    assert "Traceback" not in said
    if ended.value.code == MISUSED:
        return as_usage(said)
    assert ended.value.code == REFUSED, said
    (line,) = (line for line in said.splitlines() if line.startswith("error: "))
    return line.removeprefix("error: ")


def of_python(how: str, engine: ecg2lab.Engine) -> str:
    """Type and words of the exception that an expression raises."""
    with warnings.catch_warnings(), pytest.raises(errors.Ecg2LabError) as raised:
        eval(how, bad_inputs.names(engine))
    return f"{type(raised.value).__name__}: {raised.value}"


@pytest.mark.slow
@pytest.mark.parametrize("row", bad_inputs.rows(), ids=lambda row: row.what)
def test_it_gets_the_answer_that_the_page_shows(
    row: Row,
    files: Path,
    engine: ecg2lab.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(shutil.copytree(files, tmp_path / "desk"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    command = row.how.startswith("ecg2lab ")
    answer = of_command(row.how, capsys, monkeypatch) if command else of_python(row.how, engine)
    pattern = ".*".join(map(re.escape, row.answer.split("…")))
    assert re.fullmatch(pattern, answer, re.DOTALL), answer
    assert "\n" not in answer
    assert not Path("was-here").exists(), "code of a checkpoint ran"


def test_the_page_has_many_rows_and_no_two_alike() -> None:
    rows = bad_inputs.rows()
    assert len(rows) >= FEWEST
    assert len({row.how for row in rows}) == len(rows)
    tables = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    heads = sum(line.startswith("| what is wrong") for line in tables)
    assert len(tables) - heads == len(rows), "a row is not understood"


def test_every_type_of_error_has_a_row() -> None:
    types = {name for name in vars(errors) if name.endswith("Error") and name != "Ecg2LabError"}
    assert types == {row.answer.split(":")[0] for row in bad_inputs.rows()} - {"usage"}
