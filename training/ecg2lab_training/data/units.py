"""Units of laboratory values: one spelling, and factors between units of one quantity.

A unit is a quantity and a scale: mass, amount of substance or charge per litre, cells per litre, and so on. Within a
quantity the factor is the ratio of scales (SI prefixes). Between mass, amount and charge it takes the molar mass and
the valence: standard atomic weights (IUPAC 2021, abridged), summed over the formula.
"""

from __future__ import annotations

from typing import NamedTuple


class Unit(NamedTuple):
    """A quantity, and how much of its base unit this unit is."""

    quantity: str
    scale: float


_MASS = {"g/dL": 10.0, "g/L": 1.0, "mg/dL": 1e-2, "mg/L": 1e-3, "ug/mL": 1e-3, "ug/dL": 1e-5, "ug/L": 1e-6,
         "ng/mL": 1e-6, "ng/dL": 1e-8, "ng/L": 1e-9, "pg/mL": 1e-9}  # fmt: skip
_AMOUNT = {"mol/L": 1.0, "mmol/L": 1e-3, "umol/L": 1e-6, "nmol/L": 1e-9, "pmol/L": 1e-12}
_CHARGE = {"mEq/L": 1e-3}
_CELLS = {"K/uL": 1e9, "m/uL": 1e12, "#/uL": 1e6}
_ACTIVITY = {"IU/L": 1.0, "U/L": 1.0, "IU/mL": 1e3, "U/mL": 1e3, "mIU/mL": 1.0, "uIU/mL": 1e-3, "mIU/L": 1e-3}
_PRESSURE = {"mm Hg": 1.0, "kPa": 7.50062}
_TIME = {"sec": 1.0, "min": 60.0}
_VOLUME = {"fL": 1.0}

UNITS = {
    spelling: Unit(quantity, scale)
    for quantity, scales in (
        ("mass", _MASS),
        ("amount", _AMOUNT),
        ("charge", _CHARGE),
        ("cells", _CELLS),
        ("activity", _ACTIVITY),
        ("pressure", _PRESSURE),
        ("time", _TIME),
        ("volume", _VOLUME),
    )
    for spelling, scale in scales.items()
}
"""By spelling: grams, moles, equivalents, cells, international units per litre; mm Hg; seconds; femtolitres."""

_OTHER_SPELLINGS = {
    "10e9/l": "K/uL", "10^9/l": "K/uL", "x10^9/l": "K/uL", "k/mm3": "K/uL", "10^3/ul": "K/uL", "10e3/ul": "K/uL",
    "10e12/l": "m/uL", "10^12/l": "m/uL", "10^6/ul": "m/uL", "/mm3": "#/uL", "/ul": "#/uL",
    "mmhg": "mm Hg", "seconds": "sec", "secs": "sec", "s": "sec", "percent": "%", "mcg/ml": "ug/mL", "mcg/dl": "ug/dL",
    "mcg/l": "ug/L", "n/a": "", "units": "", "unit": "", "ratio": "", "none": "",
}  # fmt: skip

RELABELLED = {
    "pH": "", "Specific Gravity": "", "CD4/CD8 Ratio": "", "MCHC": "g/dL", "eAG": "mg/dL",
    "Protein/Creatinine Ratio": "mg/mg", "Albumin/Creatinine, Urine": "mg/g", "D-Dimer": "ng/mL",
    "Thyroid Stimulating Hormone": "uIU/mL", "Cortisol": "ug/dL", "RDW-SD": "fL", "C-Reactive Protein": "mg/L",
    "High-Sensitivity CRP": "mg/L", "Prostate Specific Antigen": "ng/mL", "WBC Count": "K/uL",
    "Absolute CD3 Count": "#/uL", "Absolute CD4 Count": "#/uL", "Absolute CD8 Count": "#/uL",
}  # fmt: skip
"""By label of `d_labitems`, the unit that all its rows have, whatever they write or leave blank: the authors' code
relabels them without conversion, for the numbers are the same. The code writes mg/dL for the prostate specific
antigen, whose rows are in ng/mL; an empty unit is a number without one."""
OTHER_QUANTITY = {"D-Dimer": "ng/mL DDU", "Absolute Lymphocyte Count": "#/uL"}
"""By label the unit of few rows that count something else, or on another scale: the authors' code drops them."""

MOLAR_MASS = {
    "glucose": 180.156, "creatinine": 113.120, "urea_nitrogen": 28.014, "calcium": 40.078, "magnesium": 24.305,
    "phosphate": 30.974, "sodium": 22.990, "potassium": 39.098, "chloride": 35.45, "lactate": 90.078,
    "bilirubin_total": 584.673, "uric_acid": 168.112, "cholesterol_total": 386.664, "iron": 55.845,
}  # fmt: skip
"""Gram per mole, by the first part of a target's name; of urea its nitrogen is weighed, of phosphate its phosphorus."""
VALENCE = {
    "sodium": 1, "potassium": 1, "chloride": 1, "bicarbonate": 1, "lactate": 1, "calcium": 2, "magnesium": 2,
}  # fmt: skip
"""Charges per molecule."""
_SPELLINGS = {name.casefold(): name for name in UNITS} | _OTHER_SPELLINGS


def spelling(unit: str | None) -> str:
    """Write a unit in one way; empty: no unit. A unit that is not known keeps its own letters.

    Letter case, blanks, and µ or u do not matter.
    """
    tidy = " ".join((unit or "").replace("µ", "u").replace("μ", "u").split())
    return _SPELLINGS.get(tidy.casefold(), _SPELLINGS.get(tidy.casefold().replace(" ", ""), tidy))


def factor(lab: str, unit: str, target: str) -> float | None:
    """Find the number that a value in one unit is multiplied by to be in another; None: there is none.

    Parameters
    ----------
    lab
        First part of the target's name: between mass, amount and charge it decides.
    unit, target
        As `spelling` writes them.
    """
    if unit == target:
        return 1.0
    if unit not in UNITS or target not in UNITS:
        return None
    here, there = UNITS[unit], UNITS[target]
    if here.quantity == there.quantity:
        return here.scale / there.scale
    moles, moles_there = _moles(lab, here), _moles(lab, there)
    return None if moles is None or moles_there is None else moles / moles_there


def _moles(lab: str, unit: Unit) -> float | None:
    """Moles per litre of one of this unit."""
    if unit.quantity == "amount":
        return unit.scale
    if unit.quantity == "mass" and lab in MOLAR_MASS:
        return unit.scale / MOLAR_MASS[lab]
    if unit.quantity == "charge" and lab in VALENCE:
        return unit.scale / VALENCE[lab]
    return None
