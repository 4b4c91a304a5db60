"""Which laboratory values count, in which fluid and unit, and where their limits are."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ecg2lab_training.cohort import laboratory, thresholds
from ecg2lab_training.data import units

ITEMS = pl.DataFrame(
    {
        "itemid": [50971, 52610, 50822, 51006, 7, 8, 9, 50919, 10, 50915, 51133],
        "label": [
            "Potassium",
            "Potassium",
            "Potassium, Whole Blood",
            " Urea Nitrogen ",
            None,
            " ",
            "Lipase",
            "I",
            "other",
            "D-Dimer",
            "Absolute Lymphocyte Count",
        ],
        "fluid": [*["Blood"] * 6, None, *["Blood"] * 4],
    }
)
KNOWN = {
    "subject_id": 1,
    "itemid": 50971,
    "charttime": 0,
    "valuenum": 4.0,
    "valueuom": "mEq/L",
    "ref_range_lower": 3.3,
    "ref_range_upper": 5.1,
}
SCHEMA = {
    "row": pl.Int64,
    "subject_id": pl.Int64,
    "itemid": pl.Int64,
    "charttime": pl.Int64,
    "valuenum": pl.Float64,
    "valueuom": pl.String,
    "ref_range_lower": pl.Float64,
    "ref_range_upper": pl.Float64,
}


def labs(*changes: dict[str, Any]) -> pl.LazyFrame:
    """Rows of labevents that differ from a potassium of 4."""
    rows = [{"row": number + 2, **KNOWN, **change} for number, change in enumerate(changes)]
    return laboratory.with_items(pl.LazyFrame(rows, schema=SCHEMA), ITEMS)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"valuenum": None}, "no number"),
        ({"charttime": None}, "no time"),
        ({"itemid": 7}, "no label"),
        ({"itemid": 8}, "no label"),
        ({"itemid": 1}, "no label"),
        ({"ref_range_lower": 0, "ref_range_upper": 0}, "reference range 0-0"),
        ({"ref_range_lower": 0}, None),
        ({"ref_range_lower": None, "ref_range_upper": None}, None),
        ({"ref_range_lower": None, "ref_range_upper": 0}, None),
        ({"valueuom": None}, None),
        ({"itemid": 50919}, "label without a meaning"),
        ({"itemid": 10}, "label without a meaning"),
        ({"itemid": 50915, "valueuom": " ng/mL DDU"}, "D-Dimer in ng/mL DDU"),
        ({"itemid": 50915, "valueuom": "ng/mL FEU"}, None),
        ({"itemid": 50915, "valueuom": None}, None),
        ({"itemid": 51133, "valueuom": "#/uL"}, "Absolute Lymphocyte Count in #/uL"),
        ({"itemid": 51133, "valueuom": "K/uL"}, None),
    ],
)
def test_rows_that_cannot_be_used(change: dict[str, Any], reason: str | None) -> None:
    rows = labs(change)
    assert rows.select(laboratory.why_unusable()).collect().item() == reason
    assert laboratory.usable(rows).collect().height == (reason is None)


def test_profile_counts_and_keeps_the_first_row() -> None:
    table = laboratory.profile(labs({}, {}, {"valueuom": "mmol/L"}, {"ref_range_upper": 5.3}, {}))
    assert table.select("valueuom", "ref_range_upper", "count", "row").rows() == [
        ("mEq/L", 5.1, 3, 2),
        ("mmol/L", 5.1, 1, 4),
        ("mEq/L", 5.3, 1, 5),
    ]


def profile(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """A profile from (itemid, label, fluid, unit, lower, upper, count)."""
    schema = {
        "itemid": pl.Int64,
        "label": pl.String,
        "fluid": pl.String,
        "valueuom": pl.String,
        "ref_range_lower": pl.Float64,
        "ref_range_upper": pl.Float64,
        "count": pl.Int64,
    }
    return pl.DataFrame(list(rows), schema=schema, orient="row").with_row_index("row", 2).cast({"row": pl.Int64})


def test_majority_fluid_is_that_of_most_rows_not_of_most_items() -> None:
    table = profile(
        (1, "Glucose", "Urine", "mg/dL", 0, 1, 30),
        (2, "Glucose", "Urine", "mg/dL", 0, 1, 30),
        (3, "Glucose", "Blood", "mg/dL", 70, 100, 61),
        (4, "pH", "Urine", "units", 5, 8, 5),
    )
    assert laboratory.majority_fluid(table)["itemid"].sort().to_list() == [3, 4]
    tie = profile((1, "Glucose", "Urine", "", 0, 1, 9), (2, "Glucose", "Blood", "", 0, 1, 9))
    assert laboratory.majority_fluid(tie)["fluid"].to_list() == ["Blood"]


def test_units_are_those_of_most_rows_and_limits_follow_them() -> None:
    table = laboratory.one_unit(
        profile(
            (50912, "Creatinine", "Blood", "mg/dL", 0.5, 1.2, 100),
            (50912, "Creatinine", "Blood", "MG/DL", 0.4, 1.1, 10),
            (50912, "Creatinine", "Blood", "umol/L", 44.2, 106.1, 5),
            (50912, "Creatinine", "Blood", "furlong", 1, 2, 3),
            (50912, "Creatinine", "Blood", "", 1, 2, 3),
        )
    )
    assert set(table["unit"]) == {"mg/dL"}
    assert set(table["lab"]) == {"creatinine"}
    by_unit = {row["valueuom"]: row for row in table.iter_rows(named=True)}
    assert by_unit["MG/DL"]["factor"] == 1
    # 88.4 umol/L are 1 mg/dL: the textbook's factor has three digits
    assert by_unit["umol/L"]["ref_range_upper"] == pytest.approx(1.2, rel=1e-3)
    assert by_unit["furlong"]["factor"] is None
    assert by_unit[""]["factor"] is None
    assert laboratory.convertible(table)["count"].sum() == 115


@pytest.mark.parametrize(
    ("label", "written", "unit"),
    [
        ("MCHC", ("%", "g/dL"), "g/dL"),
        ("pH", ("units", "", None), ""),
        ("Thyroid Stimulating Hormone", ("uIU/mL", "uU/ML"), "uIU/mL"),
        ("D-Dimer", ("ng/mL FEU", "ng/mL", None), "ng/mL"),
        ("Protein/Creatinine Ratio", ("Ratio", "mg/mg"), "mg/mg"),
        ("Prostate Specific Antigen", ("mg/dL", None), "ng/mL"),
        ("C-Reactive Protein", ("mg/dL", None), "mg/L"),  # without conversion, whatever it says
        ("Absolute CD4 Count", ("", "#/uL"), "#/uL"),
        ("Specific Gravity", (" ", None), ""),
    ],
)
def test_units_of_some_labels_are_relabelled_without_conversion(
    label: str, written: tuple[str | None, ...], unit: str
) -> None:
    rows = [(1, label, "Blood", text, 1.0, 2.0, 10 + place) for place, text in enumerate(written)]
    table = laboratory.one_unit(profile(*rows))
    assert set(table["unit"]) == {unit}
    assert set(table["factor"]) == {1.0}
    assert set(table["ref_range_upper"]) == {2.0}


def test_labs_are_named_by_their_main_item_and_never_alike() -> None:
    table = laboratory.one_unit(
        profile(
            (52610, "Potassium", "Blood", "mEq/L", 3, 5, 10),
            (50971, "Potassium", "Blood", "mEq/L", 3, 5, 90),
            (50822, "Potassium, Whole Blood", "Blood", "mEq/L", 3, 5, 10),
            (99, "POTASSIUM whole-blood", "Blood", "mEq/L", 3, 5, 10),
        )
    )
    names = dict(table.select("label", "lab").rows())
    assert names["Potassium"] == "potassium"
    assert names["POTASSIUM whole-blood"] == "potassium_whole_blood"
    assert names["Potassium, Whole Blood"] == "potassium_whole_blood_50822"
    assert table.filter(pl.col("label") == "Potassium")["main_item"].unique().to_list() == [50971]


def test_fewest_values_count_over_all_units_of_a_label() -> None:
    table = profile(
        (1, "A", "Blood", "", 0, 1, 150), (2, "A", "Blood", "x", 0, 1, 50), (3, "B", "Blood", "", 0, 1, 199)
    )
    assert laboratory.frequent(table, 200)["label"].to_list() == ["A", "A"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("mEq/L", "mEq/L"),
        ("MEQ/L", "mEq/L"),
        (" mg / dL ", "mg/dL"),
        ("µmol/L", "umol/L"),
        ("mmHg", "mm Hg"),
        ("10E9/L", "K/uL"),
        ("seconds", "sec"),
        ("units", ""),
        (None, ""),
        ("furlong", "furlong"),
        ("log10 copies/mL", "log10 copies/mL"),
    ],
)
def test_spelling(written: str | None, expected: str) -> None:
    assert units.spelling(written) == expected
    assert units.spelling(expected) == expected


@pytest.mark.parametrize(
    ("lab", "unit", "wanted", "factor"),
    [
        # the factors that laboratories print, to the digits that they print
        ("glucose", "mmol/L", "mg/dL", 18.02),
        ("creatinine", "mg/dL", "umol/L", 88.4),
        ("urea_nitrogen", "mmol/L", "mg/dL", 2.801),
        ("calcium", "mmol/L", "mg/dL", 4.008),
        ("calcium", "mEq/L", "mg/dL", 2.004),
        ("magnesium", "mEq/L", "mmol/L", 0.5),
        ("potassium", "mmol/L", "mEq/L", 1.0),
        ("lactate", "mg/dL", "mmol/L", 0.111),
        ("bilirubin_total", "mg/dL", "umol/L", 17.1),
        ("hemoglobin", "g/L", "g/dL", 0.1),
        ("nt_probnp", "ng/L", "pg/mL", 1.0),
        ("white_blood_cells", "#/uL", "K/uL", 1e-3),
        ("anything", "furlong", "furlong", 1.0),
        ("hemoglobin", "mmol/L", "g/dL", None),
        ("troponin", "ng/mL", "furlong", None),
        ("potassium", "mEq/L", "%", None),
        ("potassium", "", "mEq/L", None),
    ],
)
def test_factors(lab: str, unit: str, wanted: str, factor: float | None) -> None:
    found = units.factor(lab, unit, wanted)
    assert found is None if factor is None else found == pytest.approx(factor, rel=2e-3)


def test_weighted_median_is_the_median_of_all_rows() -> None:
    generator = np.random.default_rng(0)
    for size in range(1, 30):
        values, counts = np.sort(generator.normal(size=size)), generator.integers(1, 5, size)
        assert thresholds.weighted_median(values, counts) == pytest.approx(np.median(np.repeat(values, counts)))


def limits(*rows: tuple[Any, ...]) -> pl.DataFrame:
    """Limits of potassium from (lower, upper, count)."""
    return thresholds.limits(
        laboratory.one_unit(profile(*((50971, "Potassium", "Blood", "mEq/L", *row) for row in rows)))
    )


def test_limits_are_medians_over_rows() -> None:
    row = limits((3.3, 5.1, 2), (3.5, 5.4, 1), (None, 9, 10)).row(0, named=True)
    assert (row["lower"], row["upper"]) == (3.3, 9)
    assert (row["lab"], row["unit"], row["main_item"], row["count"]) == ("potassium", "mEq/L", 50971, 13)


def test_lab_without_any_limit_goes_and_one_with_one_stays() -> None:
    assert thresholds.with_limits(limits((None, None, 10))).is_empty()
    assert thresholds.with_limits(limits((None, 5, 10))).height == 1


def test_states_are_strict_and_in_the_labs_unit() -> None:
    changes = [{"valuenum": v} for v in (3.2, 3.3, 5.1, 5.2)]
    rows = labs(*changes, {"valuenum": 5.2, "valueuom": "mmol/L"}, {"valueuom": "furlong", "valuenum": 99})
    table = laboratory.convertible(laboratory.one_unit(laboratory.profile(rows)))
    state = thresholds.states(rows, table, thresholds.limits(table)).sort("row").collect()
    assert state["state"].to_list() == [thresholds.LOW, 0, 0, thresholds.HIGH, thresholds.HIGH]
    assert state["lab"].unique().to_list() == [0]


def test_side_without_limit_is_never_crossed() -> None:
    rows = labs({"ref_range_lower": None, "valuenum": -1}, {"ref_range_lower": None, "valuenum": 9})
    table = laboratory.one_unit(laboratory.profile(rows))
    state = thresholds.states(rows, table, thresholds.limits(table)).sort("row").collect()
    assert state["state"].to_list() == [0, thresholds.HIGH]
