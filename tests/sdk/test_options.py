"""A verb's parameters in groups, and an option for each fact about the patient."""

from dataclasses import dataclass
from typing import Annotated, get_args

import pytest
import typer
import typer.main
from typer.testing import CliRunner

import ecg2lab
from ecg2lab.cli import app
from ecg2lab.cli.options import Facts, flat


@dataclass(frozen=True)
class Pair:
    left: Annotated[int, typer.Option(help="One.")] = 1
    right: Annotated[str | None, typer.Option("--right-hand", help="Other.")] = None


def invoked(verb, *arguments):
    command = typer.Typer()
    command.command()(flat(verb))
    return CliRunner().invoke(command, list(map(str, arguments)))


def test_a_group_is_made_of_its_options_and_stands_beside_others():
    told = []

    def verb(name: Annotated[str, typer.Argument()], pair: Pair, loud: Annotated[bool, typer.Option()] = False) -> None:
        """Say it."""
        told.append((name, pair, loud))

    assert invoked(verb, "x", "--left", 3, "--right-hand", "r", "--loud").exit_code == 0
    assert invoked(verb, "y").exit_code == 0
    assert told == [("x", Pair(3, "r"), True), ("y", Pair(), False)]
    assert "Say it." in invoked(verb, "--help").output


@pytest.mark.parametrize("verb", ["predict", "stream"])
def test_every_field_of_a_patient_is_an_option_with_its_meaning(verb):
    options = {p.name: p for p in typer.main.get_command(app).commands[verb].params}
    for field in ecg2lab.Patient.__struct_fields__:
        assert options[field].opts == [f"--{field.replace('_', '-')}"]
        assert options[field].help.endswith(".")
        assert options[field].default is None


def test_facts_of_options_are_a_patient():
    values = dict.fromkeys(Facts.__signature__.parameters)
    facts = Facts(**values | {"age": 63.0, "sex": "female", "out_of_range": "impute"})
    assert facts.read() == ecg2lab.Patient(age=63, sex="female")
    assert facts.out_of_range == "impute"
    assert {get_args(p.annotation)[1].rich_help_panel for p in Facts.__signature__.parameters.values()} == {
        "Patient (all optional: a median stands in for what is missing, and the answer says so)"
    }
