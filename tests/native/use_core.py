"""The extension at ECG2LAB_CORE stands in for the installed one: a plugin of pytest, and what `everywhere` imports.

`make sanitize` names one that finds mistakes as they happen, `make coverage` one that counts which lines run. Either
must be in place before anything imports ecg2lab.
"""

import importlib.util
import os
import sys
from importlib.abc import MetaPathFinder

NAME = "ecg2lab._native._core"


class StandIn(MetaPathFinder):
    """Finds that one module, when it is asked for and not before: most processes that tests start never do."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != NAME:
            return None
        return importlib.util.spec_from_file_location(NAME, os.environ["ECG2LAB_CORE"])


sys.meta_path.insert(0, StandIn())
