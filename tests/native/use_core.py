"""A plugin of pytest: the extension at ECG2LAB_CORE stands in for the installed one.

`make sanitize` names one that finds mistakes as they happen. A plugin is loaded before any test imports ecg2lab.
"""

import importlib.util
import os
import sys

NAME = "ecg2lab._native._core"

_spec = importlib.util.spec_from_file_location(NAME, os.environ["ECG2LAB_CORE"])
sys.modules[NAME] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[NAME])
