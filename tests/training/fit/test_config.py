"""Configurations: packaged ones by name, own ones by file, nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ecg2lab.errors import DatasetError
from ecg2lab_training.fit import config

NUMBERS = [
    "epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "focal_gamma",
    "least_cases",
    "seed",
    "threads",
    "model.hidden",
    "model.state",
    "model.layers",
    "model.dropout",
    "model.embedding_widths.",
    "model.static_widths.",
]
"""Fields that hold one; with a point at the end, a list of them."""


def test_a_packaged_one_has_two_names() -> None:
    assert config.packaged() == ("demo", "paper", "small")
    for name in config.packaged():
        assert config.read(f"configs/{name}.json") == config.read(name)


def test_the_paper_s_is_the_default() -> None:
    paper = config.read("paper")
    assert paper == config.Config(name=paper.name)


def test_an_own_file_goes_before_a_packaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "small.json").write_text('{"name": "mine"}')
    assert config.read("configs/small.json").name == "mine"
    assert config.read("small").name != "mine"


@pytest.mark.parametrize("text", ["{", '{"name": ""}', '{"name": "x", "epochs": 0}', '{"name": "x", "speed": 1}'])
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "own.json").write_text(text)
    with pytest.raises(DatasetError, match="is not a valid training configuration"):
        config.read(str(tmp_path / "own.json"))


def test_a_name_that_nothing_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(DatasetError, match="one of demo, paper, small"):
        config.read("configs/huge.json")


@pytest.mark.parametrize("number", [10**30, 2**63 - 1, float("inf"), float("nan"), -1, True, "1"])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_no_training_takes_is_refused_before_the_work(name: str, number: object) -> None:
    *groups, field = name.rstrip(".").split(".")
    value: object = {field: [number] if name.endswith(".") else number}
    for group in groups:
        value = {group: value}
    text = json.dumps({"name": "x", **value})  # type: ignore[dict-item]
    with pytest.raises(DatasetError, match="is not a valid training configuration"):
        config.decode(text.encode())


def test_a_name_that_no_contract_could_hold_is_refused_before_the_work() -> None:
    with pytest.raises(DatasetError, match="name has characters that are not printable"):
        config.decode(b'{"name": "\\u001b[31m"}')
