"""Which laboratory values count, in which fluid and unit.

Rules on single rows work on the rows. Rules on a whole laboratory test work on its *profile*: how many rows there are
of each item, unit and pair of reference limits. The profile is small, however many rows there are.
"""

from __future__ import annotations

import polars as pl

from ecg2lab_training.cohort.ledger import first_reason
from ecg2lab_training.data import units
from ecg2lab_training.data.labs import lab_slug

ITEM_UNIT = ("itemid", "valueuom")
"""Together they say what a row's number means."""
WITHOUT_MEANING = ("H", "I", "L", "other")
"""Labels of `d_labitems` that name no test: indices of hemolysis, icterus and lipemia, and what is left."""


def with_items(events: pl.LazyFrame, items: pl.DataFrame) -> pl.LazyFrame:
    """Give every row of `labevents` its label and fluid; null where `d_labitems` has none.

    Labels are trimmed, an empty one is none; a missing fluid or unit is an empty text.
    """
    label = pl.col("label").str.strip_chars()
    names = items.lazy().select(
        "itemid",
        pl.when(label != "").then(label).alias("label"),
        pl.col("fluid").fill_null("").str.strip_chars(),
    )
    joined = events.join(names.unique("itemid", keep="first"), on="itemid", how="left")
    return joined.with_columns(pl.col("valueuom").fill_null(""), pl.col("fluid").fill_null(""))


def why_unusable() -> pl.Expr:
    """Say why a row cannot be used; null for a usable one."""
    label, unit = pl.col("label"), pl.col("valueuom").str.strip_chars().str.to_lowercase()
    return first_reason(
        {
            "no label": label.is_null(),
            "label without a meaning": label.is_in(WITHOUT_MEANING),
            **{
                f"{name} in {other}": (label == name) & (unit == other.lower())
                for name, other in units.OTHER_QUANTITY.items()
            },
            "no number": pl.col("valuenum").is_null(),
            "no time": pl.col("charttime").is_null(),
            "reference range 0-0": (pl.col("ref_range_lower") == 0) & (pl.col("ref_range_upper") == 0),
        }
    )


def usable(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Keep rows of which nothing says that they cannot be used."""
    return rows.filter(why_unusable().is_null())


def profile(rows: pl.LazyFrame) -> pl.DataFrame:
    """Count the rows of each item, unit and pair of limits.

    Returns
    -------
    DataFrame
        itemid, label, fluid, valueuom, ref_range_lower, ref_range_upper, `count`, `row` (the first of them).
    """
    keys = ("itemid", "label", "fluid", "valueuom", "ref_range_lower", "ref_range_upper")
    counted = rows.group_by(keys).agg(pl.len().cast(pl.Int64).alias("count"), pl.col("row").min())
    return counted.collect(engine="streaming").sort("row")


def majority_fluid(table: pl.DataFrame) -> pl.DataFrame:
    """Keep of each label the fluid with most rows; of equally many, the first by the alphabet."""
    return table.join(_majority(table, "fluid"), on=("label", "fluid"), how="semi")


def _majority(table: pl.DataFrame, column: str) -> pl.DataFrame:
    """What most rows of each label have in a column; of equally many, the first by the alphabet."""
    sums = table.group_by("label", column).agg(pl.col("count").sum())
    order = sums.sort(["count", column], descending=[True, False])
    return order.unique("label", keep="first", maintain_order=True).select("label", column)


def one_unit(table: pl.DataFrame) -> pl.DataFrame:
    """Give each label the unit of most of its rows, and each unit its factor to it.

    Returns
    -------
    DataFrame
        The profile with `lab` (first part of the target's name), `unit` and `factor` (null: cannot be converted);
        limits are in the lab's unit.
    """
    written = table.select("label", "valueuom").iter_rows()
    spelling = [units.RELABELLED.get(label, units.spelling(unit)) for label, unit in written]
    spelt = table.with_columns(pl.Series("spelling", spelling, dtype=pl.String))
    joined = _named(spelt).join(_majority(spelt, "spelling").rename({"spelling": "unit"}), on="label")
    factors = [units.factor(*key) for key in joined.select("lab", "spelling", "unit").iter_rows()]
    scale = pl.Series("factor", factors, dtype=pl.Float64)
    limits = ("ref_range_lower", "ref_range_upper")
    return joined.with_columns(scale).drop("spelling").with_columns(pl.col(limits) * pl.col("factor"))


def _named(table: pl.DataFrame) -> pl.DataFrame:
    """Name every label by the item that has most of its rows; two labels never share a name."""
    items = table.group_by("label", "itemid").agg(pl.col("count").sum(), pl.col("row").min())
    by_label = items.sort(["count", "row"], descending=[True, False]).group_by("label", maintain_order=True)
    rows, taken = [], set[str]()
    for (label,), group in sorted(by_label, key=lambda pair: str(pair[0][0])):
        slug = lab_slug(group["itemid"].to_list(), str(label))
        slug = f"{slug}_{group['itemid'][0]}" if slug in taken else slug
        taken.add(slug)
        rows.append((label, slug, group["itemid"][0]))
    names = pl.DataFrame(rows, schema={"label": pl.String, "lab": pl.String, "main_item": pl.Int64}, orient="row")
    return table.join(names, on="label")


def convertible(table: pl.DataFrame) -> pl.DataFrame:
    """Keep what is in the label's unit or can be converted to it."""
    return table.filter(table["factor"].is_not_null())


def frequent(table: pl.DataFrame, fewest: int) -> pl.DataFrame:
    """Keep labels with at least so many values."""
    return table.filter(pl.col("count").sum().over("label") >= fewest)


def of(rows: pl.LazyFrame, table: pl.DataFrame) -> pl.LazyFrame:
    """Rows that the profile still holds."""
    kept = table.select(ITEM_UNIT).unique().lazy()
    return rows.join(kept, on=ITEM_UNIT, how="semi")
