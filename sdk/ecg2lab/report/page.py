"""A prediction, or a refusal, as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.recording import Recording
from ecg2lab.report import ecg_plot, grid, words
from ecg2lab.report.document import Refusal
from ecg2lab.system.extras import require


def html(prediction: Prediction, recording: Recording, title: str, credit: str = "") -> str:
    """The page, which refers to no other file or server.

    Parameters
    ----------
    recording
        Drawn on its grid, to scale when printed, and once more for each explanation.
    title
        Usually the name of the recording.
    credit
        Attribution of the recording, below the picture.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    return _render(
        "page.html.j2",
        prediction.engine,
        title,
        prediction=prediction,
        credit=credit,
        source=words.source(prediction.source),
        ecg=ecg_plot.svg(recording),
        drawn=words.drawn(recording.duration_s, ecg_plot.PAGE_S),
        explanations=[(e, ecg_plot.svg(recording, e)) for e in prediction.explanations],
        table=grid.ranked(prediction.findings),
        summary=grid.summary(prediction),
        notes=grid.notes(prediction),
    )


def refusal_html(
    refusal: Refusal, recording: Recording | None, engine: EngineInfo, title: str, source: dict[str, Any] | None = None
) -> str:
    """The page of a refused record: the reason, and the results of the quality gate.

    Parameters
    ----------
    recording
        Drawn if it has the necessary leads; None: the file could not be read.
    engine
        The engine that refused the record.
    title
        Usually the name of the recording.
    source
        What identifies it.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    return _render(
        "refusal.html.j2",
        engine,
        title,
        refusal=refusal,
        source=words.source(source),
        ecg=ecg_plot.svg(recording) if recording and ecg_plot.can_draw(recording) else "",
        drawn=words.drawn(recording.duration_s, ecg_plot.PAGE_S) if recording else "",
    )


def _render(template: str, engine: EngineInfo, title: str, **content: Any) -> str:
    require("report", "jinja2", "matplotlib")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = {"title": words.clean(title), "engine": engine, "provenance": words.provenance(engine)}
    return environment.get_template(template).render(**shared, **content, words=words, plot=ecg_plot)
