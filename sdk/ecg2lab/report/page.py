"""A prediction as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from ecg2lab.extras import require
from ecg2lab.prediction import Prediction
from ecg2lab.recording import Recording
from ecg2lab.report import ecg_plot, words

_TEMPLATE = "page.html.j2"


def html(prediction: Prediction, recording: Recording, title: str, credit: str = "") -> str:
    """The page; it refers to nothing outside itself.

    Parameters
    ----------
    prediction
        To show.
    recording
        Drawn on its grid, true to scale on paper; explanations are laid under it once more each.
    title
        Usually the name of the recording.
    credit
        Attribution of the recording, below the picture.

    Raises
    ------
    MissingExtraError
        If jinja2 or matplotlib is not installed.
    """
    require("report", "jinja2", "matplotlib")
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(_TEMPLATE).render(
        prediction=prediction,
        title=words.clean(title),
        credit=credit,
        source=words.source(prediction),
        ecg=ecg_plot.svg(recording),
        drawn=words.drawn(recording.duration_s, ecg_plot.PAGE_S),
        explanations=[(e, ecg_plot.svg(recording, e)) for e in prediction.explanations],
        groups=prediction.by_category(),
        inputs=words.inputs(prediction),
        provenance=words.provenance(prediction),
        words=words,
        plot=ecg_plot,
    )
