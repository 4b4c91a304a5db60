"""A prediction or a refusal as a PDF: A4 landscape, the ECG to scale, the same bytes for the same answer."""

from __future__ import annotations

import io
from typing import Any

from ecg2lab.answer.explanation import Effect, Explanation
from ecg2lab.answer.prediction import EngineInfo, Finding, Prediction
from ecg2lab.recording import Recording
from ecg2lab.report import ecg_plot, grid, words
from ecg2lab.report.document import Refusal
from ecg2lab.report.grid import Grid, Row
from ecg2lab.report.own_style import own_style
from ecg2lab.report.sheet import DIM, WARN, WARN_PAPER, WIDTH_MM, Document, Sheet

_ROW_MM, _WORTH_MM = 4.5, 3.7
_NAME_MM, _CELL_MM = 58.0, 51.0
_EFFECT_ROWS = 6
_STYLE = {"pdf.fonttype": 42, "path.simplify": False}


@own_style(**_STYLE)
def pdf(prediction: Prediction, recording: Recording, title: str) -> bytes:
    """The report: the ECG on its grid, findings, notes; a page for each explanation.

    Raises
    ------
    RecordingError
        If a lead cannot be drawn.
    MissingExtraError
        If matplotlib is not installed.
    """
    document = _document(prediction.engine, title)
    sheet = document.sheet()
    _heading(sheet, document.title, prediction.notice)
    _ecg(sheet, recording)
    sheet.paragraph(f"{grid.summary(prediction)} {words.rules(prediction.findings)}", size=9, most=4)
    _source(sheet, prediction.source)
    _findings(document, prediction)
    for explanation in prediction.explanations:
        _explanation(document, prediction, recording, explanation)
    return _save(document)


@own_style(**_STYLE)
def refusal_pdf(
    refusal: Refusal, recording: Recording | None, engine: EngineInfo, title: str, source: dict[str, Any] | None = None
) -> bytes:
    """The report on a refused record; parameters and errors as for `page.refusal_html`."""
    document = _document(engine, title)
    sheet = document.sheet()
    _heading(sheet, document.title, engine.notice)
    sheet.down(3)
    sheet.paragraph(
        f"No answer: {refusal.error.message} ({refusal.error.type})", size=9, colour=words.LOOKS["flagged"].colour
    )
    if recording is not None and ecg_plot.can_draw(recording):
        _ecg(sheet, recording)
    _source(sheet, source)
    faults = refusal.quality.faults if refusal.quality else ()
    if faults:
        rows = [(fault.lead or "all leads", fault.message) for fault in faults]
        sheet = _listed(document, sheet, "What the quality gate found", rows)
    _provenance(document, sheet, engine)
    return _save(document)


def _document(engine: EngineInfo, title: str) -> Document:
    return Document(words.clean(title), f"{engine.notice} · {words.provenance(engine)}")


def _save(document: Document) -> bytes:
    from matplotlib.backends.backend_pdf import PdfPages

    document.number()
    buffer = io.BytesIO()
    facts = {"Title": document.title, "Creator": "ecg2lab", "CreationDate": None}
    with PdfPages(buffer, metadata=facts) as pages:
        for sheet in document.sheets:
            pages.savefig(sheet.figure)
    return buffer.getvalue()


def _heading(sheet: Sheet, title: str, notice: str) -> None:
    sheet.text(title, size=14, weight="bold")
    sheet.down(6.5)
    sheet.text("Laboratory abnormalities estimated from the ECG", colour=DIM)
    sheet.down(3)
    sheet.box(7, WARN_PAPER)
    sheet.text(notice[:1].upper() + notice[1:], x=3, dy=4.8, colour=WARN, weight="bold")
    sheet.down(9)


def _ecg(sheet: Sheet, recording: Recording) -> None:
    ecg_plot.draw(sheet.window(ecg_plot.WIDTH_MM, ecg_plot.HEIGHT_MM), recording)
    sheet.down(ecg_plot.HEIGHT_MM + 4)
    drawn = words.drawn(recording.duration_s, ecg_plot.PAGE_S)
    sheet.text(f"{drawn} Each trace is centred on its median.".strip(), size=7, colour=DIM)
    sheet.down(4.5)


def _source(sheet: Sheet, source: dict[str, Any] | None) -> None:
    if fields := ", ".join(f"{name} {value}" for name, value in words.source(source)):
        sheet.paragraph(f"Source: {fields}", most=3)


def _findings(document: Document, prediction: Prediction) -> None:
    """A row for each laboratory value, as many pages as they need, then what they rest on."""
    table = grid.ranked(prediction.findings)
    sheet = _table_sheet(document, table)
    for row in table.rows:
        if sheet.room() < _ROW_MM + _WORTH_MM * len(row.worth):
            sheet = _table_sheet(document, table)
        _row(sheet, row)
    if sheet.room() < 2 * _ROW_MM:
        sheet = document.sheet("Findings")
    sheet.down(1)
    sheet.paragraph(words.LEGEND, size=6.5, colour=DIM)
    sheet = _listed(document, sheet, "What the answer rests on", grid.notes(prediction))
    _provenance(document, sheet, prediction.engine)


def _table_sheet(document: Document, table: Grid) -> Sheet:
    """A page that begins with the table's head."""
    sheet = document.sheet("Findings")
    for x, text in zip((0.0, *_columns(len(table.moments))), (table.noun.capitalize(), *table.moments), strict=True):
        sheet.text(text or "probability", x=x, size=8, colour=DIM)
    sheet.down(_ROW_MM + 0.8)
    return sheet


def _columns(count: int) -> list[float]:
    """Where the moments begin."""
    width = min(_CELL_MM, (WIDTH_MM - _NAME_MM) / count)
    return [_NAME_MM + width * index for index in range(count)]


def _row(sheet: Sheet, row: Row) -> None:
    look = words.LOOKS[row.verdict]
    columns = _columns(len(row.cells))
    sheet.rule()
    sheet.text(row.name, size=8, width=_NAME_MM - 2, weight=look.weight)
    for left, finding in zip(columns, row.cells, strict=True):
        if finding:
            _cell(sheet, finding, left, (WIDTH_MM - columns[0]) / len(columns))
    for moments, sentence in row.worth:
        sheet.down(_WORTH_MM)
        sheet.text(f"{moments}: {sentence}".lstrip(": "), x=4, size=7, width=WIDTH_MM - 4)
    sheet.down(_ROW_MM)


def _cell(sheet: Sheet, finding: Finding, left: float, width: float) -> None:
    """Mark, probability and word; ratio to the base rate and bar where the column is wide enough."""
    look, threshold = words.look(finding), finding.decision_threshold
    style: dict[str, Any] = {"size": 8, "colour": look.colour, "weight": look.weight}
    sheet.text(look.mark, x=left, **style)
    sheet.text(words.percent(finding.probability, threshold), x=left + 13, align="right", width=9.5, **style)
    sheet.text(
        finding.verdict.removesuffix(" experience"), x=left + 14, **{**style, "size": 7}, width=min(15, width - 15)
    )
    if width >= 37 and finding.ratio is not None:
        sheet.text(words.times(finding.ratio), x=left + 36, size=7, align="right", width=8)
    if width >= 50:
        colour = look.colour if finding.verdict == "flagged" else words.QUIET_BAR
        sheet.bar(left + 37.5, 11, finding.probability, colour)
        sheet.whisker(left + 37.5, 11, finding.lowest, finding.highest, threshold)


def _provenance(document: Document, sheet: Sheet, engine: EngineInfo) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in engine.versions.items())
    provenance = [
        ("Model", words.provenance(engine)),
        ("Bundle digest", engine.bundle_digest),
        ("Runs on", f"{engine.device}; {versions}"),
        ("Method", "Lopez Alcaraz & Strodthoff, Scientific Reports 2025, doi 10.1038/s41598-025-26715-5"),
        ("", "ecg2lab is not a medical device."),
    ]
    _listed(document, sheet, "Provenance", provenance)


def _listed(document: Document, sheet: Sheet, heading: str, rows: list[tuple[str, str]]) -> Sheet:
    """Label and sentence for each row; a sentence goes on over as many lines and pages as it needs."""
    if sheet.room() < 4 * _ROW_MM:
        sheet = document.sheet()
    sheet.down(5)
    sheet.text(heading, size=10, weight="bold")
    sheet.down(5.5)
    for label, sentence in rows:
        for number, line in enumerate(sheet.wrapped(sentence, 8, 230)):
            if sheet.room() < _ROW_MM:
                sheet = document.sheet(heading)
            sheet.text(label if number == 0 else "", size=8, colour=DIM, width=33)
            sheet.text(line, x=35, size=8)
            sheet.down(_ROW_MM)
    return sheet


def _explanation(document: Document, prediction: Prediction, recording: Recording, explanation: Explanation) -> None:
    sheet = document.sheet(f"What this answer rests on: {words.explained(prediction, explanation)}")
    sheet.down(-3)
    ecg_plot.draw(sheet.window(ecg_plot.WIDTH_MM, ecg_plot.HEIGHT_MM), recording, explanation=explanation)
    sheet.down(ecg_plot.HEIGHT_MM + 4)
    drawn = words.drawn(recording.duration_s, ecg_plot.PAGE_S)
    key = "Orange raises the answer, blue lowers it; the stronger, the darker."
    sheet.paragraph(f"{key} {drawn} {words.EXPLAINED_HOW}", size=7, colour=DIM, most=3)
    sheet.down(2)
    top = sheet.y
    for label, sentence in words.explanation_rows(explanation):
        if label not in ("Leads", "Facts"):
            sheet.text(label, size=7.5, colour=DIM, width=31)
            sheet.text(sentence, x=32, size=7.5, width=82)
            sheet.down(_ROW_MM)
    sheet.y = top
    _effects(sheet, list(explanation.leads), left=118, pitch=32, name=10)
    _effects(sheet, words.facts(explanation)[: 2 * _EFFECT_ROWS], left=185, pitch=41, name=19)


def _effects(sheet: Sheet, effects: list[Effect], left: float, pitch: float, name: float) -> None:
    """Bars to both sides, in columns."""
    largest = max((abs(effect.logit) for effect in effects), default=0) or 1
    top = sheet.y
    for number, effect in enumerate(effects):
        x, sheet.y = left + pitch * (number // _EFFECT_ROWS), top + 4 * (number % _EFFECT_ROWS)
        colour = ecg_plot.RAISES if effect.logit > 0 else ecg_plot.LOWERS
        sheet.text(words.in_words(effect.part), x=x, size=6.5, width=name)
        sheet.side(x + name + 5, 4.5, effect.logit / largest, colour)
        sheet.text(words.signed(effect.logit), x=x + pitch - 3, size=6.5, align="right")
    sheet.y = top
