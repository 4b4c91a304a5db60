"""The tables of a configuration's fields in training.md are those of the code: names and defaults."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from doc_blocks import ROOT

from ecg2lab_training.fit.config import Config
from ecg2lab_training.network.sizes import Architecture

PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## The fields of a configuration")[1].split("\n## ")[0]
TABLES = [
    dict(re.findall(r"^\| `(\w+)` \| ([^|]*?) *\|", table, re.MULTILINE))
    for table in SECTION.split("`model` has these")
]


@pytest.mark.parametrize(("table", "kind"), [(TABLES[0], Config), (TABLES[1], Architecture)])
def test_the_table_has_each_field_and_its_default(table: dict[str, str], kind: type[msgspec.Struct]) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    assert list(table) == list(fields)
    for name, stated in table.items():
        default = fields[name].default
        if default is msgspec.NODEFAULT:
            assert stated == ""
        elif not isinstance(default, msgspec.Struct):
            shown = stated.strip("`")
            value = shown if isinstance(default, str) else json.loads(shown)
            assert value == (list(default) if isinstance(default, tuple) else default), name


def test_the_smallest_configuration_has_a_name_alone() -> None:
    assert msgspec.json.decode('{"name": "mine"}', type=Config) == Config(name="mine")
