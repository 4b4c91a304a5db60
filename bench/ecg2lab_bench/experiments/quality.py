"""How often the quality gate finds what is wrong, and how often it complains of what is not.

Run it on folders of 12-lead records, `python -m ecg2lab_bench.experiments quality RECORDS`. The records should be good:
what the gate says of them as they are is counted as a false alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

import ecg2lab
from ecg2lab.contract import published, unnamed_targets
from ecg2lab.quality import FAULTS
from ecg2lab.recording.preparation import judge_quality, prepare_signal
from ecg2lab_bench.experiments import record_folders
from ecg2lab_bench.experiments.corruptions import Case, Corruption, Samples, all_corruptions
from ecg2lab_bench.measuring.workload import LEADS
from ecg2lab_bench.report.page import markdown_table, table

_CONTRACT = published(unnamed_targets(1))
_COLUMNS = ("fault", "strength", "recordings", "detected", "of them refused", "another fault alone", "nothing said")
_UNTOUCHED_COLUMNS = ("fault", "recordings warned", "refused", "leads")


class Said(NamedTuple):
    """What the gate said of one recording."""

    refused: bool
    faults: frozenset[tuple[str, str | None]]
    """Word and lead."""


class Record(NamedTuple):
    """One good recording."""

    name: str
    samples: Samples
    rate_hz: float


def judge(samples: Samples, rate_hz: float) -> Said:
    """Ask the gate, by its default limits."""
    prepared = prepare_signal(ecg2lab.Recording(samples, fs=rate_hz, leads=LEADS, unit="mV"), _CONTRACT)
    try:
        faults = judge_quality(prepared, _CONTRACT).faults
    except ecg2lab.RecordingError:
        return Said(True, frozenset({("too_short", None)}))
    except ecg2lab.QualityError as error:
        faults = error.quality.faults if error.quality else ()
        return Said(True, frozenset((f.fault, f.lead) for f in faults))
    return Said(False, frozenset((f.fault, f.lead) for f in faults))


def read(folders: Iterable[Path]) -> Iterator[Record]:
    """Twelve-lead records of these folders, in the order of their names; others are left out and named."""
    for name, recording, samples in record_folders.read(folders):
        yield Record(name, samples, recording.fs)


def cut(records: Iterable[Record], piece_s: float) -> Iterator[Record]:
    """Pieces side by side, as a stream judges its windows; what remains at the end is left out."""
    for record in records:
        length = round(piece_s * record.rate_hz)
        for begin in range(0, record.samples.shape[1] - length + 1, length):
            piece = record.samples[:, begin : begin + length]
            yield Record(f"{record.name} from {begin}", piece, record.rate_hz)


def untouched_table(records: list[Record], said: list[Said]) -> str:
    """What is said of the records as they are."""
    rows: list[tuple[str, ...]] = []
    for word in FAULTS:
        flagged = [[lead for name, lead in s.faults if name == word] for s in said]
        if not any(flagged):
            continue
        refused = sum(bool(leads) and s.refused for leads, s in zip(flagged, said, strict=True))
        leads = sum(lead is not None for each in flagged for lead in each)
        rows.append((word, str(sum(map(bool, flagged)) - refused), str(refused), str(leads or "")))
    quiet, refused = sum(not s.faults for s in said), sum(s.refused for s in said)
    head = f"{len(records)} recordings as they are: {quiet} accepted, {len(records) - quiet - refused} accepted with "
    return f"{head}warnings, {refused} refused.\n\n{markdown_table(table(_UNTOUCHED_COLUMNS, rows))}"


def corrupted_row(
    corruption: Corruption, records: list[Record], before: list[Said], rng: np.random.Generator
) -> tuple[str, ...]:
    """Corrupt every record of which the expected words were not said before."""
    counts = dict.fromkeys(("asked", "detected", "refused", "other", "nothing"), 0)
    for record, untouched in zip(records, before, strict=True):
        case = Case(record.samples, record.rate_hz, int(rng.integers(len(LEADS))), rng)
        lead = LEADS[case.lead] if corruption.one_lead else None
        if _expected(corruption, untouched, lead):
            continue
        said = judge(corruption.apply(case), record.rate_hz)
        detected = _expected(corruption, said, lead)
        new = said.faults - untouched.faults
        counts["asked"] += 1
        counts["detected"] += detected
        counts["refused"] += detected and said.refused and not untouched.refused
        counts["other"] += bool(new) and not detected
        counts["nothing"] += not new and not detected
    asked = counts["asked"]
    share = f"{counts['detected']} ({counts['detected'] / asked:.0%})" if asked else "0"
    return (corruption.name, corruption.strength, str(asked), share,
            *(str(counts[name]) for name in ("refused", "other", "nothing")))  # fmt: skip


def _expected(corruption: Corruption, said: Said, lead: str | None) -> bool:
    return any(name in corruption.expected and (lead is None or of == lead) for name, of in said.faults)


def main(
    folders: Annotated[list[Path], typer.Argument(metavar="RECORDS", help="Folders of WFDB records.")],
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 1,
    piece_s: Annotated[
        float | None, typer.Option(min=1, help="Judge pieces of so many seconds, as they are, and nothing else.")
    ] = None,
) -> None:
    """Print both tables in Markdown."""
    records = list(read(folders) if piece_s is None else cut(read(folders), piece_s))
    if not records:
        raise typer.BadParameter("there is no record of twelve leads")
    said = [judge(record.samples, record.rate_hz) for record in records]
    typer.echo(untouched_table(records, said) + "\n")
    if piece_s is not None:
        return
    rng = np.random.default_rng(seed)
    rows = [corrupted_row(corruption, records, said, rng) for corruption in all_corruptions()]
    typer.echo(markdown_table(table(_COLUMNS, rows)))
