"""Tables on narrow terminals: no figure and no word is ever torn apart or cut off."""

import io

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.testing import CliRunner

import ecg2lab
from ecg2lab.bundle import Bundle
from ecg2lab.cli import app
from ecg2lab.proof.parity import recorded
from ecg2lab.report.tables import print_table


def printed(width):
    table = Table(title="Errors", box=None)
    for header in ("what", "worst\ncase", "error", ""):
        table.add_column(header, overflow="fold")
    table.add_row("spectral", Text("7 samples a step"), "1.1e-06", Text("passed", "green"))
    table.add_row("scan", "layer 0", "", Text("FAILED", "bold red"))
    console = Console(file=io.StringIO(), width=width)
    print_table(table, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [12, 20, 30, 40, 80, 200])
def test_every_word_is_whole_at_every_width(width):
    shown = printed(width)
    assert max(map(len, shown.splitlines())) <= width
    for word in ("spectral", "scan", "samples", "layer", "1.1e-06", "passed", "FAILED"):
        assert word in shown.split()


def test_a_table_where_it_fits_and_rows_where_it_does_not():
    assert printed(40).splitlines()[2].split() == ["what", "case", "error"]
    narrow = printed(20).splitlines()
    assert [line.rstrip() for line in narrow[:4]] == ["Errors", "spectral", "  worst case 7", "  samples a step"]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_an_answer_stands_with_its_name_and_whole_on_narrow_terminals(bundle, records, width):
    arguments = ["predict", str(bundle), str(records / "HR06000.hea")]
    shown = CliRunner().invoke(app, arguments, env={"COLUMNS": str(width)}).stdout
    assert max(map(len, shown.splitlines())) <= width
    for finding in ecg2lab.load(bundle).predict(ecg2lab.read(records / "HR06000.hea")).findings:
        lab, answer = finding.criterion.lab.split()[0], finding.verdict
        assert lab in shown
        assert answer in shown
    assert "…" not in shown


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("verb", ["selftest", "inspect"])
def test_figures_of_a_proof_are_whole_on_narrow_terminals(causal_bundle, verb, width):

    shown = CliRunner().invoke(app, [verb, str(causal_bundle)], env={"COLUMNS": str(width)}).stdout
    opened = Bundle.open(causal_bundle)
    words = {"fp16", *opened.contract.target_names} if verb == "inspect" else {"2.0e-05", "2.0e-06", "onnxruntime"}
    assert words <= set(shown.replace(",", " ").split())
    assert max(map(len, shown.splitlines())) <= width
    assert recorded(opened).passed
