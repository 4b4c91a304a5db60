"""The documentation as a site: it builds without a warning, holds every page and name, and asks no other server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
from doc_blocks import PAGES, ROOT

import ecg2lab
import ecg2lab_export
from figures import picture

REFERENCE = ROOT / "docs" / "reference"
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "embed": "src", "object": "data"}
"""Attributes whose address a browser fetches by itself; of `link` it depends on `rel`."""
_STYLE_ADDRESS = re.compile(r"""url\(\s*['"]?([^'")]+)|@import\s+['"]([^'"]+)""")


class Fetched(HTMLParser):
    """Collects what a browser fetches in order to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at one tag."""
        given = {name: value or "" for name, value in attrs}
        if tag in LOADED:
            self.addresses.append(given.get(LOADED[tag], ""))
        elif tag == "link" and given.get("rel") not in ("canonical", "next", "prev", "alternate"):
            self.addresses.append(given.get("href", ""))
        self.addresses += _style_addresses(given.get("style", ""))


def _style_addresses(style: str) -> list[str]:
    return [first or second for first, second in _STYLE_ADDRESS.findall(style)]


def foreign(addresses: list[str]) -> list[str]:
    """Those that lead to a server."""
    return [address for address in addresses if re.match(r"(?:[a-z]+:)?//", address)]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as `make docs` builds it."""
    if find_spec("material") is None or find_spec("mkdocstrings") is None:
        pytest.skip("the extra `docs` is not installed: pip install 'ecg2lab[docs]'")
    out = tmp_path_factory.mktemp("site") / "docs"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(out)]  # --quiet is never strict
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.system
def test_no_page_and_no_style_asks_another_server(site: Path) -> None:
    pages, styles = list(site.rglob("*.html")), list(site.rglob("*.css"))
    assert len(pages) > len(PAGES)
    assert styles
    for page in pages:
        parser = Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        assert foreign(parser.addresses) == [], page
        assert 'class="mermaid"' not in page.read_text(encoding="utf-8"), "the theme would fetch what draws diagrams"
    for style in styles:
        assert foreign(_style_addresses(style.read_text(encoding="utf-8"))) == [], style


@pytest.mark.system
def test_every_local_address_is_a_file_of_the_site(site: Path) -> None:
    for page in site.rglob("*.html"):
        parser = Fetched()
        parser.feed(page.read_text(encoding="utf-8"))
        for address in parser.addresses:
            path = address.split("?")[0].split("#")[0]
            if path and not path.startswith(("/", "data:")):  # 404.html alone has absolute ones
                assert (page.parent / path).is_file(), (page, address)


@pytest.mark.system
def test_comments_for_the_tests_do_not_reach_a_reader(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "not run:" not in text, page
        assert "<!-- before:" not in text, page


ASK = """<script>
setTimeout(() => {
  const field = document.querySelector("[data-md-component=search-query]");
  field.focus();
  field.value = "lactate";
  field.dispatchEvent(new KeyboardEvent("keyup", { bubbles: true }));
  field.dispatchEvent(new Event("input", { bubbles: true }));
  setTimeout(() => {
    const count = name => document.querySelectorAll(name).length;
    document.title = `found ${count(".md-search-result__item")}, to copy ${count(".md-code__button")}`;
  }, 3000);
}, 2000);
</script>"""


@pytest.mark.system
@pytest.mark.skipif(picture.browser() is None, reason="chromium is not installed (make system-packages)")
def test_a_site_that_is_opened_from_a_folder_can_be_searched_and_its_code_copied(site: Path) -> None:
    text = (site / "tutorial.html").read_text(encoding="utf-8")
    asking = site / "asking.html"
    asking.write_text(text.replace("</body>", f"{ASK}</body>"), encoding="utf-8")
    shown = picture.browse(asking, "--dump-dom", "--virtual-time-budget=15000")
    asking.unlink()
    assert re.search("<title>found [1-9][0-9]*, to copy [1-9][0-9]*</title>", shown)


@pytest.mark.system
def test_each_verb_and_option_is_in_the_reference(site: Path) -> None:
    text = (site / "reference" / "command-line.html").read_text(encoding="utf-8")
    for name in ("ecg2lab demo", "ecg2lab predict", "ecg2lab train", "ecg2lab bench compare", "--temperature-c"):
        assert name in text


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://example.org/x.js"></script>',
        '<link rel="stylesheet" href="//example.org/x.css">',
        '<link rel="preconnect" href="https://example.org">',
        '<img src="http://example.org/x.png">',
        "<p style=\"background: url('https://example.org/x.png')\">",
    ],
)
def test_what_another_server_would_be_asked_for_is_seen(tag: str) -> None:
    parser = Fetched()
    parser.feed(tag)
    assert len(foreign(parser.addresses)) == 1


def test_links_and_what_is_beside_a_page_are_no_requests_of_another_server() -> None:
    parser = Fetched()
    parser.feed(
        '<a href="https://example.org"><img src="images/x.png"><link rel="canonical" href="https://example.org">'
    )
    assert foreign(parser.addresses) == []


def test_each_page_has_a_place_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    listed = set(re.findall(r": (\S+\.md)$", navigation, re.MULTILINE))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages == listed - {"reference/command-line.md"}, "that page is made when the site is built"


LISTED = [
    line.removeprefix("::: ")
    for page in sorted(REFERENCE.glob("*.md"))
    for line in page.read_text(encoding="utf-8").splitlines()
    if line.startswith("::: ")
]
"""Names of the reference."""


@pytest.mark.parametrize("package", [ecg2lab, ecg2lab_export], ids=lambda package: package.__name__)
def test_each_public_name_is_in_the_reference(package: ModuleType) -> None:
    assert {f"{package.__name__}.{public}" for public in package.__all__} <= set(LISTED)


@pytest.mark.parametrize("name", LISTED)
def test_each_name_of_the_reference_exists(name: str) -> None:
    module, attribute = name.rsplit(".", 1)
    assert hasattr(import_module(module), attribute)
