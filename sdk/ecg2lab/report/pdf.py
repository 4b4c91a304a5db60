"""A prediction or a refusal as a PDF: A4 landscape, the ECG true to scale, the same bytes for the same answer."""

from __future__ import annotations

import io
from typing import Any

from ecg2lab.answer.explanation import Effect, Explanation
from ecg2lab.answer.prediction import EngineInfo, Finding, Prediction
from ecg2lab.recording import Recording
from ecg2lab.report import ecg_plot, words
from ecg2lab.report.document import Refusal
from ecg2lab.report.sheet import BAND, DIM, NO, WARN, WARN_PAPER, YES, Document, Sheet
from ecg2lab.system.extras import require

_COLUMN_MM, _GUTTER_MM, _ROW_MM = 128.0, 9.0, 4.5
_EFFECT_ROWS = 6
_ANSWER: dict[words.Verdict, str] = {"detected": YES, "not detected": NO, "no decision": DIM}


def pdf(prediction: Prediction, recording: Recording, title: str) -> bytes:
    """The report: the ECG on its grid, findings, what they rest on; a page for each explanation.

    Raises
    ------
    RecordingError
        If a lead cannot be drawn.
    MissingExtraError
        If matplotlib is not installed.
    """
    require("report", "matplotlib")
    document = _document(prediction.engine, title)
    sheet = document.sheet()
    _heading(sheet, document.title, prediction.notice)
    _ecg(sheet, recording)
    sheet.paragraph(words.summary(prediction), most=3)
    _source(sheet, prediction.source)
    _findings(document, prediction)
    for explanation in prediction.explanations:
        _explanation(document, prediction, recording, explanation)
    return _save(document)


def refusal_pdf(
    refusal: Refusal, recording: Recording | None, engine: EngineInfo, title: str, source: dict[str, Any] | None = None
) -> bytes:
    """The report of a record that got no answer; parameters and errors as of `page.refusal_html`."""
    require("report", "matplotlib")
    document = _document(engine, title)
    sheet = document.sheet()
    _heading(sheet, document.title, engine.notice)
    sheet.down(3)
    sheet.paragraph(f"No answer: {refusal.error.message} ({refusal.error.type})", size=9, colour=YES)
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
    import matplotlib
    from matplotlib.backends.backend_pdf import PdfPages

    document.number()
    buffer = io.BytesIO()
    facts = {"Title": document.title, "Creator": "ecg2lab", "CreationDate": None}
    with matplotlib.rc_context({"pdf.fonttype": 42, "path.simplify": False}), PdfPages(buffer, metadata=facts) as pages:
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
    """Two columns of findings by category, as many pages as they need, then what they rest on."""
    sheet = document.sheet("Findings")
    rows: list[str | Finding] = []
    for category, findings in prediction.by_category().items():
        rows += [category.capitalize(), *findings]
    while rows:
        top, room = sheet.y, int(sheet.room() // _ROW_MM)
        column = min(room, (len(rows) + 1) // 2 + 1)  # one more: a heading never ends a column
        lowest = top
        for left in (0.0, _COLUMN_MM + _GUTTER_MM):
            sheet.y = top
            rows = _column(sheet, rows, column, left)
            lowest = max(lowest, sheet.y)
        sheet.y = lowest
        sheet = document.sheet("Findings") if rows else sheet
    sheet = _listed(document, sheet, "What the answer rests on", words.inputs(prediction))
    _provenance(document, sheet, prediction.engine)


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


def _column(sheet: Sheet, rows: list[str | Finding], most: int, left: float) -> list[str | Finding]:
    """Write up to `most` rows; gives back those that are left."""
    for written, row in enumerate(rows):
        last = written == most - 1
        if written == most or (last and isinstance(row, str)):
            return rows[written:]
        if isinstance(row, str):
            sheet.text(row, x=left, size=8.5, weight="bold", width=_COLUMN_MM)
            sheet.down(_ROW_MM)
        else:
            _finding(sheet, row, left)
    return []


def _finding(sheet: Sheet, finding: Finding, left: float) -> None:
    answer = words.verdict(finding)
    threshold = finding.decision_threshold
    sheet.text(words.abnormality(finding), x=left + 2, size=8, width=47)
    sheet.text(words.when(finding), x=left + 51, size=7, colour=DIM, width=19)
    sheet.bar(left + 71, 16, finding.probability, _ANSWER[answer] if finding.detected else BAND)
    sheet.whisker(left + 71, 16, finding.lowest, finding.highest, threshold)
    sheet.text(words.percent(finding.probability, threshold), x=left + 98, size=8, align="right")
    if threshold is not None:
        sheet.text(words.percent(threshold, finding.probability), x=left + 108, size=7, colour=DIM, align="right")
    weight = "bold" if finding.detected else "normal"
    sheet.text(answer, x=left + 110, size=8, colour=_ANSWER[answer], weight=weight, width=18)
    sheet.down(_ROW_MM)


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
        sheet.text(effect.part, x=x, size=6.5, width=name)
        sheet.side(x + name + 5, 4.5, effect.logit / largest, colour)
        sheet.text(words.signed(effect.logit), x=x + pitch - 3, size=6.5, align="right")
    sheet.y = top
