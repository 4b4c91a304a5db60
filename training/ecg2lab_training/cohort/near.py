"""Events near an ECG in time, without a cross product of all ECGs and all events of a patient.

Time is cut into slots as wide as the window. A window then touches exactly two slots, so that an ECG, entered under
both, meets its events in an ordinary join on patient and slot. Time and memory grow linearly.
"""

from __future__ import annotations

import polars as pl


def near(ecgs: pl.LazyFrame, events: pl.LazyFrame, before: int, after: int) -> pl.LazyFrame:
    """Pair every ECG with the events around it.

    Parameters
    ----------
    ecgs
        ecg (number), subject_id, ecg_time.
    events
        subject_id, time, and whatever is wanted of them.
    before, after
        The window, in seconds; both ends belong to it.

    Returns
    -------
    LazyFrame
        One row for each pair: ecg, the events' columns but subject_id and time, and `offset`, the seconds from the
        ECG to the event (negative: before).
    """
    width = before + after
    first = (pl.col("ecg_s") - before).floordiv(width)
    starts = ecgs.select("ecg", "subject_id", pl.col("ecg_time").dt.epoch("s").alias("ecg_s"))
    slots = pl.concat([starts.with_columns((first + step).alias("slot")) for step in (0, 1)])
    timed = events.with_columns(pl.col("time").dt.epoch("s").alias("event_s")).drop("time")
    pairs = timed.with_columns(pl.col("event_s").floordiv(width).alias("slot")).join(slots, on=("subject_id", "slot"))
    offset = pl.col("event_s") - pl.col("ecg_s")
    inside = pairs.with_columns(offset.alias("offset")).filter(pl.col("offset").is_between(-before, after))
    return inside.drop("subject_id", "slot", "event_s", "ecg_s")


def closest(pairs: pl.LazyFrame, columns: list[str]) -> pl.LazyFrame:
    """Take of each column the known value closest to the ECG; of two equally close ones the earlier, then the first.

    Parameters
    ----------
    pairs
        As `near` gives them, with the events' `row`.
    columns
        Each is sought on its own.
    """
    order = (pl.col("offset").abs(), pl.col("offset"), pl.col("row"))
    return pairs.group_by("ecg").agg(pl.col(name).sort_by(*order).drop_nulls().first() for name in columns)
