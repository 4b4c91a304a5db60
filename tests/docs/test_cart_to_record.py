"""The tutorial from cart to record, as its reader walks through it, and its picture."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import doc_blocks
import pytest
from PIL import Image

PAGE = doc_blocks.ROOT / "docs" / "cart-to-record.md"
PICTURE = doc_blocks.ROOT / "docs" / "images" / "edge-page.png"


@pytest.mark.system
def test_the_node_of_the_tutorial_looks_as_the_page_shows(desk: Path, monkeypatch) -> None:
    """`ECG2LAB_PICTURES=1` writes the picture anew."""
    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed")
    from edge_browser import Browser

    new = desk / "new.png"

    def look() -> None:
        browser = Browser()
        try:
            browser.open("http://localhost:8080/")
            browser.until("document.body.innerText.includes('reports')")
            browser.picture(new, 1200)
            assert not browser.complaints
            assert browser.hosts() <= {"localhost:8080"}
        finally:
            browser.close()

    monkeypatch.setattr(doc_blocks, "_console", _looking(doc_blocks._console, look))
    doc_blocks.run(PAGE, desk)
    if os.environ.get("ECG2LAB_PICTURES"):
        PICTURE.write_bytes(new.read_bytes())
    with Image.open(new) as now, Image.open(PICTURE) as shown:
        assert now.width == shown.width


def _looking(console, look):
    """Look once, after the first recording has its answer."""

    def typed(command, *about):
        console(command, *about)
        if "answer.json" in command and "curl" in command:
            look()

    return typed
