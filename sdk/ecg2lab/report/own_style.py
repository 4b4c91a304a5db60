"""Drawing pictures with matplotlib's defaults, whatever the user's settings."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ecg2lab.errors import OutputError
from ecg2lab.system.extras import require

_ONE_AT_A_TIME = threading.RLock()
"""Only one thread draws at a time: matplotlib's settings belong to the whole process."""


@contextmanager
def own_style(**changes: object) -> Iterator[None]:
    """Use matplotlib's defaults with these changes, for drawing and saving; restore the user's settings afterwards.

    A picture to scale must not follow a `matplotlibrc` with another resolution, a tight box or another font.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    OutputError
        If matplotlib cannot read the user's settings.
    """
    require("report", "matplotlib")
    with _ONE_AT_A_TIME:
        _import_matplotlib()
        from matplotlib import style

        with style.context(["default", changes]):
            yield


def _import_matplotlib() -> None:
    """Also where MPLBACKEND names no backend: none is asked for here, but the import would fail."""
    backend = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    except UnicodeDecodeError:  # it reads the file before anybody can say that it should not
        raise OutputError("matplotlib cannot read its settings: the file matplotlibrc is no text; remove it") from None
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend
