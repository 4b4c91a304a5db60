"""A program that was compiled against the header of 0.1.0 runs with the library of today, and gets the same answer."""

import json

import pytest
from native_tools import CC, NATIVE, STRICT, completed, succeeded
from old_answers import DATA, RELEASED
from old_header import build_cart, describe, symbols, uses

import ecg2lab

pytestmark = pytest.mark.slow

RELEASE = RELEASED / "0.1.0"
OLD = json.loads((RELEASE / "header.json").read_text())


@pytest.fixture(scope="module")
def today(tmp_path_factory):
    return describe(NATIVE / "include" / "ecg2lab.h", tmp_path_factory.mktemp("header"))


def test_the_description_is_of_the_header_beside_it(tmp_path):
    assert describe(RELEASE / "include" / "ecg2lab.h", tmp_path) == {k: v for k, v in OLD.items() if k != "symbols"}
    assert len(OLD["calls"]) == len(OLD["symbols"]) == 21


def test_macros_and_enumerators_keep_their_values(today):
    """New ones may come; the version of the ABI rises with what a program can notice."""
    assert today["macros"]["ECG2LAB_ABI_VERSION"] >= OLD["macros"]["ECG2LAB_ABI_VERSION"]
    assert today["macros"].keys() >= OLD["macros"].keys()
    for name, values in OLD["enums"].items():
        assert today["enums"][name].items() >= values.items()


@pytest.mark.parametrize("struct", OLD["structs"])
def test_structs_grow_at_their_end_only(struct, today):
    """Those without a size field, too, since lists are of pointers; but callers hand in arrays of source fields."""
    old, new = OLD["structs"][struct], today["structs"][struct]
    assert new["fields"].items() >= old["fields"].items()
    assert new["size"] >= old["size"]
    added = [field["offset"] for name, field in new["fields"].items() if name not in old["fields"]]
    last = max(field["offset"] for field in old["fields"].values())
    assert all(offset > last for offset in added)
    if struct == "ecg2lab_source_field":
        assert new["size"] == old["size"]


def test_every_call_and_field_is_still_of_its_type(tmp_path):
    (tmp_path / "uses.c").write_text(uses(OLD))
    succeeded(CC, "-std=c99", *STRICT, "-c", tmp_path / "uses.c", f"-I{NATIVE}/include", "-o", tmp_path / "uses.o")


def test_another_type_would_not_compile(tmp_path):
    program = uses(OLD).replace("int32_t* use_ecg2lab_patient_sex", "double* use_ecg2lab_patient_sex")
    (tmp_path / "uses.c").write_text(program)
    done = completed(CC, "-std=c99", *STRICT, "-c", tmp_path / "uses.c", f"-I{NATIVE}/include", "-o", tmp_path / "x.o")
    assert done.returncode != 0


def test_the_library_shows_every_symbol_with_its_version(c_package):
    assert set(symbols(c_package / "lib" / "libecg2lab.so")) >= set(OLD["symbols"])


def test_a_program_compiled_against_the_old_header_gets_the_same_answer(c_package, cart_answers, tmp_path):
    """Six digits of a probability are printed: the last may be another where a CPU sums in another order."""
    cart = build_cart(RELEASE, c_package, tmp_path)
    cart_answers.write_csv(tmp_path / "record.csv", ecg2lab.read(DATA / "HR06000.hea"))
    said = succeeded(cart, RELEASE / "bidirectional.ecg2lab", tmp_path / "record.csv").splitlines()
    expected = (RELEASE / "cart.txt").read_text().splitlines()
    assert len(said) == len(expected)
    for line, old in zip(said, expected, strict=True):
        for word, former in zip(line.split(), old.split(), strict=True):
            assert word == former or abs(float(word) - float(former)) <= 5e-6, (line, old)
