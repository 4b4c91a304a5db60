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

DOCS = Path(__file__).parent.parent
ROOT = DOCS.parent
PAGES = {
    "native/include/ecg2lab.h": "reference/c-header.md",
    "native/include/ecg2lab.hpp": "reference/cpp-header.md",
    "CHANGELOG.md": "reference/changelog.md",
}
"""Shown in a page of its own."""
_LINK = re.compile(r"\]\(((?:\.\./)+[^)#\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a copy of each file that a page links to."""
    linked = set()
    for page in files.documentation_pages():
        targets = (_target(page, link) for link in _LINK.findall(page.content_string))
        linked |= {target for target in targets if target and (ROOT / target).is_file()}
    for source in sorted(linked - PAGES.keys()):
        files.append(File.generated(config, _copy(source), abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, files: Files, **_: object) -> str:
    """Turn each link that leads out of docs/ into one to the copy; others are left for mkdocs to complain about."""

    def inside(link: re.Match[str]) -> str:
        target = _target(page.file, link[1])
        place = None if target is None else PAGES.get(target, _copy(target))
        if place is None or files.get_file_from_path(place) is None:
            return link[0]
        return f"]({'../' * page.file.src_uri.count('/')}{place})"

    return _LINK.sub(inside, markdown)


def _target(page: File, link: str) -> str | None:
    """Path in the repository; None in or beyond docs/, whose links are mkdocs's own."""
    path = (DOCS / PurePosixPath(page.src_uri).parent / link).resolve()
    outside = path.is_relative_to(ROOT) and not path.is_relative_to(DOCS)
    return path.relative_to(ROOT).as_posix() if outside else None


def _copy(target: str) -> str:
    return f"files/{target}"
