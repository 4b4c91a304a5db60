"""Findings as a table: a row for each laboratory value, a column for each moment, flagged values first."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

from ecg2lab.answer.prediction import Finding, Prediction, Verdict
from ecg2lab.report import words

_MOST_MOMENTS = 6
"""With more moments, a table would be too wide for any page."""
MOMENTS_IN_MINUTES = "Columns: now, or within so many minutes."
"""A note beside a table with short headers."""


class Row(NamedTuple):
    """One laboratory value beyond a limit, or one target whose meaning the model does not state."""

    name: str
    loinc: str
    """LOINC code; empty if the model states none."""
    cells: tuple[Finding | None, ...]
    """The finding at each moment of the grid; None: the model has none."""

    @property
    def findings(self) -> list[Finding]:
        """All findings of the row."""
        return [finding for finding in self.cells if finding]

    @property
    def flags(self) -> list[Finding]:
        """The flagged findings."""
        return [finding for finding in self.findings if finding.verdict == "flagged"]

    @property
    def verdict(self) -> Verdict:
        """The verdict of its findings that comes first in `words.LOOKS`."""
        verdicts = {finding.verdict for finding in self.findings}
        return next(verdict for verdict in words.LOOKS if verdict in verdicts)

    @property
    def ratio(self) -> float | None:
        """The largest ratio of a probability to its base rate."""
        return max((f.ratio for f in self.findings if f.ratio is not None), default=None)

    @property
    def worth(self) -> list[tuple[str, str]]:
        """Notes on its flags: moments, and a sentence on them."""
        sentences: dict[str, list[Finding]] = {}
        for finding in self.flags:
            sentences.setdefault(words.worth(finding), []).append(finding)
        return [(_moments(flags), sentence) for sentence, flags in sentences.items()]


class Grid(NamedTuple):
    """The table that terminal, page and PDF show."""

    moments: tuple[str, ...]
    """Headers of its columns; an empty one if the model does not state the moment."""
    rows: tuple[Row, ...]
    noun: str
    """What a row stands for: laboratory value, or target."""


def grid(findings: Sequence[Finding]) -> Grid:
    """Arrange findings in rows, in the order of the contract. With too many moments each finding gets its own row."""
    moments = sorted({_moment(finding) for finding in findings})
    noun = "laboratory value" if all(finding.criterion for finding in findings) else "target"
    if len(moments) > _MOST_MOMENTS:
        rows = (Row(f"{words.abnormality(f)} {words.when(f)}", _loinc(f), (f,)) for f in findings)
        return Grid(("",), tuple(rows), noun)
    lines: dict[tuple[Hashable, int], dict[tuple[int, str], Finding]] = {}
    for finding in findings:
        value, moment, line = _value(finding), _moment(finding), 0
        while moment in lines.setdefault((value, line), {}):
            line += 1
        lines[value, line][moment] = finding
    return Grid(tuple(when for _, when in moments), tuple(_row(line, moments) for line in lines.values()), noun)


def ranked(findings: Sequence[Finding]) -> Grid:
    """The grid with flagged rows first, sorted by ratio to the base rate; rows without one last, by probability."""
    table = grid(findings)
    return table._replace(rows=tuple(sorted(table.rows, key=_rank)))


def _rank(row: Row) -> tuple[bool, bool, float]:
    ratio = row.ratio
    return not row.flags, ratio is None, -(max(f.probability for f in row.findings) if ratio is None else ratio)


def _row(line: dict[tuple[int, str], Finding], moments: Iterable[tuple[int, str]]) -> Row:
    first = next(iter(line.values()))
    return Row(words.abnormality(first), _loinc(first), tuple(line.get(moment) for moment in moments))


def _value(finding: Finding) -> Hashable:
    c = finding.criterion
    return (c.lab, c.comparison, c.threshold, c.unit) if c else finding.target


def _moment(finding: Finding) -> tuple[int, str]:
    """Minutes to sort by, and words."""
    c = finding.criterion
    if c is None:
        return -1, ""
    return (0 if c.setting == "prediction" else c.horizon_min), c.when


def _loinc(finding: Finding) -> str:
    return (finding.criterion.loinc or "") if finding.criterion else ""


def _moments(findings: Iterable[Finding]) -> str:
    """`now, within 30, 60 min`; empty where the model does not say."""
    criteria = [f.criterion for f in findings if f.criterion]
    now = [c.when for c in criteria if c.setting == "prediction"][:1]
    later = ", ".join(str(c.horizon_min) for c in criteria if c.setting == "forecasting")
    return ", ".join([*now, *([f"within {later} min"] if later else [])])


def _named(row: Row, findings: Iterable[Finding]) -> str:
    moments = _moments(findings)
    return f"{row.name} ({moments})" if moments else row.name


def summary(prediction: Prediction) -> str:
    """A sentence that names the flagged laboratory values and counts the others."""
    _, rows, noun = ranked(prediction.findings)
    if prediction.experience and prediction.experience.outside:
        return f"This recording lies outside the model's experience: nothing is decided on any {noun}."
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in words.LOOKS}
    undecided = counts["no decision"]
    if undecided == len(rows):
        return f"There is no decision on any {noun}."
    flagged = [_named(row, row.flags) for row in rows if row.flags]
    first = f"{_count(len(flagged), noun)} {_are(len(flagged))} flagged: {', '.join(flagged)}."
    others = [f"{counts[word]} {_are(counts[word])} {word}" for word in ("unsure", "not flagged") if counts[word]]
    if undecided:
        others.append(f"{undecided} {'has' if undecided == 1 else 'have'} no decision")
    *before, last = others or [""]
    rest = f" {' and '.join(filter(None, (', '.join(before), last)))}." if others else ""
    return (first if flagged else f"No {noun} is flagged.") + rest


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def undecided(prediction: Prediction, verdict: Verdict) -> list[str]:
    """Why targets have the verdict: a sentence for each reason, with all rows to which it applies.

    Reasons that are equal up to a colon count as one; the JSON has their full text.
    """
    kinds: dict[str, dict[str, dict[Row, list[Finding]]]] = {}
    for row in ranked(prediction.findings).rows:
        for finding in row.findings:
            if finding.verdict == verdict and finding.reason is not None:
                kind = kinds.setdefault(finding.reason.partition(": ")[0], {})
                kind.setdefault(finding.reason, {}).setdefault(row, []).append(finding)
    return [_sentence(kind, reasons, len(prediction.findings)) for kind, reasons in kinds.items()]


def _sentence(kind: str, reasons: dict[str, dict[Row, list[Finding]]], every: int) -> str:
    rows: dict[Row, list[Finding]] = {}
    for holds in reasons.values():
        for row, findings in holds.items():
            rows.setdefault(row, []).extend(findings)
    return f"{_whom(rows, every)}: {words.clean(kind if len(reasons) > 1 else next(iter(reasons)))}"


def _whom(rows: dict[Row, list[Finding]], every: int) -> str:
    if sum(map(len, rows.values())) == every > 1:
        return "all"
    return ", ".join(_named(row, findings) for row, findings in rows.items())


def notes(prediction: Prediction) -> list[tuple[str, str]]:
    """Label and sentence of each note that belongs to the table, and of each note on the inputs."""
    verdicts: tuple[Verdict, ...] = ("unsure", "no decision")
    reasons = [
        (verdict.capitalize() * (index == 0), reason)
        for verdict in verdicts
        for index, reason in enumerate(undecided(prediction, verdict))
    ]
    return [*reasons, *words.inputs(prediction)]
