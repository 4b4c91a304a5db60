"""The report of `ecg2lab evaluate`, as far as export carries it: the model card."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from ecg2lab.errors import DatasetError

EVALUATION_FILE, CARD_FILE = "evaluation.json", "card.md"


class _Model(msgspec.Struct):
    weights_sha256: str


class _Evaluation(msgspec.Struct):
    model: _Model


def read_card(folder: Path, weights_sha256: str) -> str:
    """Read the model card of a report, and check that it speaks of these weights.

    Parameters
    ----------
    folder
        That `ecg2lab evaluate` wrote.
    weights_sha256
        Of the weights that are exported.

    Raises
    ------
    DatasetError
        If the folder is no report, the report is of other weights, or the card was not made from its evaluation.
    """
    try:
        text = (folder / EVALUATION_FILE).read_bytes()
        card = (folder / CARD_FILE).read_text(encoding="utf-8")
        evaluation = msgspec.json.decode(text, type=_Evaluation)
    except OSError as error:
        raise DatasetError(f"{folder} is not a report of `ecg2lab evaluate`: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{folder} holds a damaged report: {error}") from None
    if evaluation.model.weights_sha256 != weights_sha256:
        raise DatasetError(f"{folder} is the report of other weights; evaluate the run that is exported")
    if hashlib.sha256(text).hexdigest() not in card:
        raise DatasetError(f"{folder / CARD_FILE} was not made from {EVALUATION_FILE} beside it; evaluate again")
    return card
