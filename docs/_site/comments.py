"""Hook of mkdocs: comments that tell the tests how to run a page's code (tests/docs) do not reach its readers."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"^<!-- (?:not run:|before:).*?-->\n", re.MULTILINE | re.DOTALL)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Leave them out."""
    return _COMMENT.sub("", markdown)
