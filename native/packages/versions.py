"""The one version, and what every package says of itself."""

from __future__ import annotations

import re

from libraries import ROOT

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def _stated(name: str) -> str:
    found = re.search(rf'^{name} = "(.*)"$', PROJECT, re.MULTILINE)
    assert found is not None
    return found[1]


VERSION = _stated("version")
DESCRIPTION = _stated("description")
AUTHORS = "the ecg2lab authors"
NOTICE = "Research software, not for clinical use."
