"""Every block of code in the documentation runs as the page says, or the page's source says why it does not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import doc_blocks
import pytest
from doc_blocks import DATA, ELSEWHERE, PAGES, ROOT, RUN, blocks, commands, matches, runnable, unmade

pytestmark = pytest.mark.slow

NOT_RUN = {
    "README.md": 1,
    "docs/archives.md": 1,
    "docs/cart-to-record.md": 1,
    "docs/completion.md": 2,
    "docs/contributing/extending.md": 3,
    "docs/edge.md": 6,
    "docs/embedding.md": 11,
    "docs/evaluation.md": 1,
    "docs/fleet.md": 5,
    "docs/gpu.md": 2,
    "docs/jetson.md": 8,
    "docs/mimic.md": 3,
    "docs/other-machines.md": 1,
    "docs/reports.md": 2,
    "docs/site-data.md": 1,
    "docs/streaming.md": 1,
    "docs/triton.md": 2,
    "docs/tutorial.md": 1,
}
"""Blocks that are not run, by page: whoever adds one counts it here."""


def name(page: Path) -> str:
    """Of a page, as a reader of the repository calls it."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name)
def test_a_pages_code_runs(page: Path, desk: Path) -> None:
    doc_blocks.run(page, desk)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_file_that_a_command_names_was_made_or_told_of_before(page: Path) -> None:
    """Of the commands that are not run; the others have nothing but what was made."""
    assert unmade(page) == []


def test_each_block_says_its_language_and_is_run_or_says_why_not() -> None:
    for page in PAGES:
        for block in blocks(page):
            elsewhere = block.language in ELSEWHERE and name(page) == "docs/embedding.md"
            snippet = block.text.startswith("--8<--")
            known = block.language in (*RUN, *DATA) or elsewhere or snippet or block.reason
            assert block.language, f"{block.place} names no language"
            assert known, f"{block.place} is not run and does not say why"


def test_no_fence_escapes_the_collector() -> None:
    for page in PAGES:
        fences = [line for line in page.read_text(encoding="utf-8").splitlines() if line.lstrip().startswith("```")]
        assert len(fences) == 2 * len(blocks(page)), page


def test_no_comment_for_the_collector_goes_astray() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        comments = text.count("<!-- not run:")
        assert comments == sum(b.reason is not None for b in blocks(page)), page


def test_the_blocks_that_are_not_run_are_counted() -> None:
    found = Counter(name(page) for page in PAGES for block in blocks(page) if block.reason is not None)
    assert dict(found) == NOT_RUN


@pytest.mark.parametrize(
    ("shown", "printed", "right"),
    [
        ("a\nb\n", "a  \nb\n", True),
        ("a\n…\n", "a\n", True),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a … c\n", "a b c\n", True),
        ("a … c\n", "a b\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("1.5\n", "1x5\n", False),
    ],
)
def test_what_is_shown_is_compared_with_what_is_printed(shown: str, printed: str, right: bool) -> None:
    assert matches(shown, printed) is right


def test_commands_are_told_from_what_they_print() -> None:
    text = "$ one \\\n    two\nout\n\nout\n$ three\n"
    assert list(commands(text)) == [("one \\\n    two\n", "out\n\nout\n"), ("three\n", "")]


@pytest.mark.parametrize(
    ("told", "command", "missing"),
    [
        ("", "tool model.ecg2lab", ["model.ecg2lab"]),
        ("`model.ecg2lab` is yours.", "tool model.ecg2lab", []),
        ("", "tool > new.csv && tool new.csv", []),
        ("", "tool --out new/ && ls new/", []),
        ("", "cat sdk/ecg2lab/demo/demo.ecg2lab", []),
        ("", "cat sdk/ecg2lab/demo/none.ecg2lab", ["sdk/ecg2lab/demo/none.ecg2lab"]),
        ("", "curl https://example.org/page.html", []),
        ("", "python -c 'import a.b' && python -m json.tool", []),
        ("", "python - <<'PY'\nimport a.b\nPY\ntool mine.json", ["mine.json"]),
    ],
)
def test_a_file_from_nowhere_is_found(tmp_path: Path, told: str, command: str, missing: list[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{told}\n\n<!-- not run: for a test -->\n```bash\n{command}\n```\n", encoding="utf-8")
    assert [place.split(": ")[1] for place in unmade(page)] == missing
