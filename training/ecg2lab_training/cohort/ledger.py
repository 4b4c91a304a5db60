"""What each step left, and what it dropped: the funnel and the list of the dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ecg2lab.system.names import shown
from ecg2lab_training.files import indented


class Step(NamedTuple):
    """Rows and patients after one step."""

    what: str
    """ECGs | laboratory values | …"""
    step: str
    rows: int
    patients: int


class Drop(NamedTuple):
    """Rows that a rule left out."""

    step: str
    file: str
    row: int | None
    """Of the file, the first of them."""
    reason: str
    rows: int


@dataclass
class Ledger:
    """Kept through the steps, written at the end."""

    steps: list[Step] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is absent, in plain words."""

    def left(self, what: str, step: str, rows: pl.DataFrame | pl.LazyFrame) -> None:
        """Enter what a step left; `subject_id` says of whom a row is."""
        counts = rows.lazy().select(pl.len(), pl.col("subject_id").n_unique()).collect(engine="streaming").row(0)
        self.steps.append(Step(what, step, *counts))

    def dropped(self, step: str, file: Path, rows: Iterable[tuple[str, int | None, int]]) -> None:
        """Enter what a step dropped: (reason, first row, count)."""
        self.drops += [Drop(step, file.name, row, reason, count) for reason, row, count in rows]

    def unusable(self, step: str, file: Path, rows: pl.DataFrame | pl.LazyFrame) -> None:
        """Enter the rows that have a reason in column `why`; `row` is their number."""
        reasons = rows.lazy().drop_nulls("why").group_by("why").agg(pl.col("row").min(), pl.len()).sort("why")
        self.dropped(step, file, reasons.collect(engine="streaming").iter_rows())

    def write(self, folder: Path) -> None:
        """Write funnel.json, funnel.md and dropped.csv."""
        content = {"steps": [step._asdict() for step in self.steps], "notes": self.notes}
        (folder / "funnel.json").write_bytes(indented(content))
        (folder / "funnel.md").write_text(self._markdown(), encoding="utf-8")
        write_csv(folder / "dropped.csv", ("step", "file", "row", "reason", "count"), self.drops)

    def _markdown(self) -> str:
        lines = ["# What each step left", "", "| what | step | rows | patients |", "|---|---|---:|---:|"]
        lines += [f"| {s.what} | {s.step} | {s.rows:,} | {s.patients:,} |" for s in self.steps]
        lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a small csv table, its texts as they are shown: a hospital's tables name records and units as they like."""
    import csv

    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows([shown(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)


def first_reason(reasons: Mapping[str, pl.Expr]) -> pl.Expr:
    """The first of the reasons whose condition is true of a row; null if none is."""
    return pl.coalesce(pl.when(condition).then(pl.lit(reason)) for reason, condition in reasons.items())
