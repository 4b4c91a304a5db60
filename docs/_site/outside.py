"""Hook of mkdocs: files of the repository beside docs/ that pages link to are a part of the site.

In the repository a link such as `../native/examples/cart.c` leads to the file; in the site it leads to a copy of it.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent.parent
PAGES = {"native/include/ecg2lab.h": "reference/c-header.md", "CHANGELOG.md": "reference/changelog.md"}
"""Shown in a page of its own."""
_EXAMPLES = ROOT / "native" / "examples"
COPIES = {
    file.relative_to(ROOT).as_posix(): f"examples/{file.relative_to(_EXAMPLES).as_posix()}"
    for file in _EXAMPLES.rglob("*")
    if file.is_file()
}
_LINK = re.compile(r"\]\(((?:\.\./)+[^)#\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the copies."""
    for source, copy in COPIES.items():
        files.append(File.generated(config, copy, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Turn each link that leads out of docs/ into one to the copy; others are left for mkdocs to complain about."""
    here = PurePosixPath(page.file.src_uri).parent

    def inside(link: re.Match[str]) -> str:
        target = (ROOT / "docs" / here / link[1]).resolve()
        place = (PAGES | COPIES).get(target.relative_to(ROOT).as_posix()) if target.is_relative_to(ROOT) else None
        return link[0] if place is None else f"]({'../' * len(here.parts)}{place})"

    return _LINK.sub(inside, markdown)
