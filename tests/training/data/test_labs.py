"""LOINC codes come from the lab-item table, never from a keyboard."""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files
from pathlib import Path

import pytest

import ecg2lab_training
from ecg2lab.errors import DatasetError
from ecg2lab_training.data import labs

VERBATIM = "f7ef583bb2669cbf"


def test_potassium_and_nt_probnp_have_their_known_codes() -> None:
    assert labs.LABS["potassium"].item.loinc == "2823-3"
    assert labs.LABS["potassium"].item.unit == "mEq/L"
    assert labs.LABS["nt_probnp"].item.loinc == "33762-6"
    assert labs.LABS["inr"].item.unit == ""


@pytest.mark.parametrize("lab", labs.LABS.values(), ids=lambda lab: lab.slug)
def test_every_lab_is_measured_in_blood_and_has_a_code(lab: labs.Lab) -> None:
    assert lab.item.fluid == "Blood"
    assert lab.item.loinc is not None
    assert re.fullmatch(r"[0-9]{1,7}-[0-9]", lab.item.loinc)


def test_unknown_item_is_refused_by_number() -> None:
    with pytest.raises(DatasetError, match="lab item 1 is not"):
        labs.lab_item(1)


def test_no_loinc_code_is_typed_in_the_source() -> None:
    for source in Path(ecg2lab_training.__file__).parent.rglob("*.py"):
        assert not re.search(r'"[0-9]{3,7}-[0-9]"', source.read_text("utf-8")), source.name


def test_table_is_the_verbatim_copy() -> None:
    table = gzip.decompress(files(ecg2lab_training).joinpath("data", labs.TABLE).read_bytes())
    assert hashlib.sha256(table).hexdigest().startswith(VERBATIM)
