"""Laboratory tests by their MIMIC-IV item: name, group, unit and LOINC code.

A lab names its MIMIC item; unit and LOINC code come from the lab-item table of MIT-LCP/mimic-code beside this file.

This material contains content from LOINC (http://loinc.org). LOINC is copyright © Regenstrief Institute, Inc. and
the Logical Observation Identifiers Names and Codes (LOINC) Committee and is available at no cost under the license
at http://loinc.org/license. LOINC® is a registered United States trademark of Regenstrief Institute, Inc.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ecg2lab.errors import DatasetError

TABLE = "mimic_labitems_to_loinc.csv.gz"


@dataclass(frozen=True)
class LabItem:
    """One row of the lab-item table."""

    itemid: int
    label: str
    fluid: str
    unit: str
    """Empty for a dimensionless quantity."""
    loinc: str | None


@dataclass(frozen=True)
class Lab:
    """A laboratory test that targets speak of."""

    slug: str
    """First part of a target's name."""
    name: str
    itemid: int
    category: str

    @property
    def item(self) -> LabItem:
        """The lab's row in the table."""
        return lab_item(self.itemid)


LABS = {
    lab.slug: lab
    for lab in (
        Lab("nt_probnp", "NT-proBNP", 50963, "cardiac"),
        Lab("creatinine", "Creatinine", 50912, "renal"),
        Lab("urea_nitrogen", "Urea nitrogen", 51006, "renal"),
        Lab("hemoglobin", "Hemoglobin", 51222, "haematological"),
        Lab("platelet_count", "Platelet count", 51265, "haematological"),
        Lab("potassium", "Potassium", 50971, "metabolic"),
        Lab("calcium", "Calcium, total", 50893, "metabolic"),
        Lab("sodium", "Sodium", 50983, "metabolic"),
        Lab("albumin", "Albumin", 50862, "metabolic"),
        Lab("lactate", "Lactate", 50813, "metabolic"),
        Lab("magnesium", "Magnesium", 50960, "metabolic"),
        Lab("white_blood_cells", "White blood cells", 51301, "immunological"),
        Lab("inr", "INR", 51237, "coagulation"),
    )
}


@cache
def _table() -> dict[int, LabItem]:
    text = gzip.decompress(files(__package__).joinpath(TABLE).read_bytes()).decode()
    return {item.itemid: item for item in map(_item, csv.DictReader(io.StringIO(text)))}


def _item(row: dict[str, str]) -> LabItem:
    is_loinc = row["omop_vocabulary_id"] == "LOINC"
    return LabItem(
        itemid=int(row["itemid (omop_source_code)"]),
        label=row["label"],
        fluid=row["fluid"],
        unit=row["valueuom"].strip(),
        loinc=row["omop_concept_code"] if is_loinc else None,
    )


def lab_item(itemid: int) -> LabItem:
    """Look a MIMIC-IV lab item up.

    Raises
    ------
    DatasetError
        If the table has no such item.
    """
    try:
        return _table()[itemid]
    except KeyError:
        raise DatasetError(
            f"lab item {itemid} is not in the MIMIC lab-item table; take an itemid of d_labitems"
        ) from None


def lab_slug(itemids: Sequence[int], label: str) -> str:
    """First part of the names of a laboratory test's targets.

    Parameters
    ----------
    itemids
        Items that share the label; one of `LABS` among them gives the name.
    label
        Otherwise the label does: small letters, digits and underscores.

    Raises
    ------
    DatasetError
        If the label has no letter or digit.
    """
    slugs = {lab.itemid: lab.slug for lab in LABS.values()}
    for itemid in itemids:
        if itemid in slugs:
            return slugs[itemid]
    slug = re.sub(r"[^a-z0-9]+", "_", label.casefold()).strip("_")
    if not slug:
        raise DatasetError(f"d_labitems: the label {label!r} of item {itemids[0]} has no letter or digit to name it by")
    return slug


def slug_of(target: str) -> str:
    """`potassium` of `potassium_high_now`: the first part of a target's name."""
    return target.rsplit("_", 2)[0]


def slugs_of(targets: Iterable[str]) -> tuple[str, ...]:
    """Labs of targets, each once, in their order."""
    return tuple(dict.fromkeys(map(slug_of, targets)))


def loinc(itemid: int) -> str | None:
    """LOINC code of a MIMIC-IV item; None if the item or its code is not known."""
    item = _table().get(itemid)
    return item.loinc if item else None
