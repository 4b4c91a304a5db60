"""From an archive to its table: list, divide, score what is not scored yet, join."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ecg2lab.archive import listing, parts, rows
from ecg2lab.archive.facts import PATH, TABLES, FactsTable
from ecg2lab.archive.plan import Batch, Plan
from ecg2lab.archive.scoring import Settings, Task
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError, OutputError, RecordingError
from ecg2lab.system.files import read_regular
from ecg2lab.system.names import shown

Tell = Callable[[str, int, int | None], None]
"""Called with what is done, how much of it, and how much there is, if that is known."""


class Workers(Protocol):
    """Whatever scores batches."""

    def scored(self, batches: Iterable[tuple[str, Batch]]) -> Iterator[tuple[str, list[rows.Row]]]:
        """The rows of batches, by key, in any order."""

    def close(self) -> None:
        """End them."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a table holds, and how it was made."""

    out: str
    rows: int
    states: dict[str, int]
    """Rows of each state."""
    errors: dict[str, int]
    """Rows of each type of error."""
    resumed: int = 0
    """Rows that an earlier command had made."""
    facts: tuple[str, ...] = ()
    """Columns that were taken as facts."""
    columns_left_aside: tuple[str, ...] = ()
    """Columns of that table that are no facts."""
    facts_unused: int = 0
    """Rows of that table that no recording belonged to."""
    model: str
    model_digest: str
    notice: str


class Archive(msgspec.Struct, frozen=True):
    """A folder, or a table of paths."""

    path: Path
    facts: Path | None

    @property
    def is_folder(self) -> bool:
        """Or a table."""
        return self.path.is_dir()

    @property
    def root(self) -> Path:
        """Where paths begin."""
        return Path(os.path.abspath(self.path if self.is_folder else self.path.parent))

    @property
    def table(self) -> Path | None:
        """Which says facts."""
        return self.facts if self.is_folder else self.path

    def check(self) -> None:
        """Refuse what is none.

        Raises
        ------
        RecordingError
            Saying why.
        """
        if not self.path.exists():
            raise RecordingError(f"there is no archive at {shown(self.path)}")
        if not self.is_folder and self.path.suffix not in TABLES:
            raise RecordingError(
                f"{shown(self.path)} is no archive: name a folder, or a table of paths ({', '.join(TABLES)})"
            )
        if not self.is_folder and self.facts is not None:
            raise RecordingError(f"{shown(self.path)} is a table: its own columns are the facts, leave --facts out")


def score(
    bundle: Path, archive: Archive, out: Path, employ: Callable[[Task], Workers], settings: Settings, tell: Tell
) -> Summary:
    """Score an archive, or what is left of it.

    Parameters
    ----------
    bundle
        Of the model.
    out
        The table.
    employ
        Makes the workers; they are closed here.

    Raises
    ------
    Ecg2LabError
        If model, archive, facts or output cannot be used. A recording that cannot is a row.
    """
    archive.check()
    _require_text(out)
    content = _read(bundle)
    model = Bundle.from_bytes(content, str(bundle))
    if parts.finished(out):
        return _summary(out, model, parts.count(out))
    task = Task(content, str(bundle), str(archive.root), archive.is_folder, settings)
    with parts.open_parts(out, rows.schema(model.contract.target_names)) as kept:
        kept.begin(_about(model, settings))
        plan, more = _planned(archive, kept.folder, tell)
        more["resumed"] = _score_rest(plan, kept, lambda: employ(task), tell)
        counts = kept.join(plan.keys, {"notice": model.manifest.notice, "model_digest": model.digest})
    return _summary(out, model, counts, **more)


def _about(model: Bundle, settings: Settings) -> parts.About:
    import ecg2lab

    return parts.About(
        model_digest=model.digest,
        ecg2lab=ecg2lab.__version__,
        computing=settings.computing,
        out_of_range=settings.out_of_range,
    )


def _planned(archive: Archive, folder: Path, tell: Tell) -> tuple[Plan, dict[str, Any]]:
    """What is to be done, and what the summary says of the facts.

    Raises
    ------
    RecordingError
        If there is nothing to do, or the facts cannot be used.
    """
    facts = None if archive.table is None else FactsTable(archive.table, folder / "facts.sqlite", archive.root)
    if not archive.is_folder and facts is not None and facts.key != PATH:
        raise RecordingError(f"{shown(archive.path)} has no column {PATH!r}")
    plan = Plan(folder / "plan", _told(_listed(archive, facts, folder), tell))
    if not plan.recordings:
        raise RecordingError(f"there is no file in {shown(archive.path)}")
    return plan, _about_facts(archive, facts)


def _score_rest(plan: Plan, kept: parts.Parts, employ: Callable[[], Workers], tell: Tell) -> int:
    """Make the parts that are not there; how many rows were."""
    sizes, done = plan.sizes(), kept.done()
    left = {key for key in plan.keys if key not in done}
    resumed = ready = plan.recordings - sum(sizes[key] for key in left)
    tell("scoring", ready, plan.recordings)
    if not left:
        return resumed
    with closing(employ()) as workers:
        for key, scored in workers.scored(plan.read(left)):
            kept.add(key, scored)
            ready += len(scored)
            tell("scoring", ready, plan.recordings)
    return resumed


def _listed(archive: Archive, facts: FactsTable | None, left_out: Path) -> Iterator[listing.Listed]:
    if not archive.is_folder:
        assert facts is not None
        yield from listing.named(archive.root, facts.in_order())
        return
    for each in listing.walk(archive.root, Path(os.path.abspath(left_out))):
        yield each if facts is None else msgspec.structs.replace(each, facts=facts.of(os.fsdecode(each.path)))


def _told(listed: Iterable[listing.Listed], tell: Tell) -> Iterator[listing.Listed]:
    for number, each in enumerate(listed, start=1):
        if number % 1000 == 0:
            tell("listing", number, None)
        yield each


def _require_text(out: Path) -> None:
    """Polars takes paths in UTF-8 alone."""
    try:
        os.path.abspath(out).encode()
    except UnicodeEncodeError:
        raise OutputError(f"the path of {shown(out)} is no UTF-8 text: name another --out") from None
    if out.is_dir():
        raise OutputError(f"{shown(out)} is a folder: name a file, such as X.parquet")


def _read(bundle: Path) -> bytes:
    try:
        return read_regular(bundle)
    except OSError as error:
        raise BundleError(f"cannot read {shown(bundle)}: {error.strerror}") from None


def _about_facts(archive: Archive, facts: FactsTable | None) -> dict[str, Any]:
    """What the summary says of a table of facts, which is no longer needed."""
    if facts is None:
        return {}
    unused = facts.unused() if archive.is_folder else 0
    facts.close()
    return {"facts": facts.columns, "columns_left_aside": facts.left_aside, "facts_unused": unused}


def _summary(out: Path, model: Bundle, counts: Any, **more: Any) -> Summary:
    return Summary(
        out=shown(out),
        rows=int(counts["len"].sum()),
        states=_by(counts, "state"),
        errors=_by(counts, "error_type"),
        model=model.contract.name,
        model_digest=model.digest,
        notice=model.manifest.notice,
        **more,
    )


def _by(counts: Any, column: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for kind, rows_of_it in zip(counts[column], counts["len"], strict=True):
        if kind is not None:
            sums[kind] = sums.get(kind, 0) + rows_of_it
    return sums
