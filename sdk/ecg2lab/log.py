"""Messages of the logger `ecg2lab`: those of the C library's log callback, never with patient data.

They say what was loaded (INFO) and why a recording was refused (WARNING). Only a NullHandler is added.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

    from ecg2lab.answer.prediction import EngineInfo


def loaded(info: EngineInfo) -> None:
    """Log which model answers from now on."""
    if logger := _logger():
        message = "loaded %s, bundle %s, %s on %s, threads %d"
        logger.info(message, info.model, info.bundle_digest, info.precision, info.provider, info.threads)


def refused(why: Exception | str) -> None:
    """Log why there is no answer: the message of the error, which contains no patient data."""
    if logger := _logger():
        logger.warning("refused: %s", why)


def _logger() -> Logger | None:
    """None where nobody imported `logging`, who therefore listens to nothing; it costs more than a first answer."""
    logging = sys.modules.get("logging")
    if logging is None:
        return None
    logger: Logger = logging.getLogger("ecg2lab")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())  # else a warning would go to stderr unasked
    return logger
