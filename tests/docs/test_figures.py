"""What the README shows is what its commands make: its picture, the figures of the card and those that are kept."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from doc_blocks import ROOT

from figures import picture, readme


def test_the_picture_is_of_the_packaged_bundle_and_of_its_answers() -> None:
    shown, due = picture.texts_of(picture.PICTURE), picture.stamps()
    assert shown.get(picture.BUNDLE) == due[picture.BUNDLE], "another bundle is packaged: run `make picture`"
    answers, now = (json.loads(texts[picture.ANSWERS]) for texts in (shown, due))
    # half of the last digit that is shown: processors differ by some 1e-6
    assert answers == pytest.approx(now, abs=5e-4), "the demo answers otherwise: run `make picture`"


def test_the_figures_of_the_readme_are_those_of_the_card_and_of_the_kept_results() -> None:
    text = readme.README.read_text(encoding="utf-8")
    assert len(re.findall("<!-- figures: ", text)) == len(readme.BLOCKS)
    assert text == readme.render(text), "run `make figures`"


def test_each_picture_of_the_readme_is_one_that_a_command_draws() -> None:
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", readme.README.read_text(encoding="utf-8"))
    assert [ROOT / path for path in shown] == [picture.PICTURE]


@pytest.mark.parametrize("command", ["picture", "readme"])
def test_each_command_says_what_it_makes(command: str) -> None:
    asked = [sys.executable, "-m", "figures", command, "--help"]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "bench"), "COLUMNS": "80"}
    told = subprocess.run(asked, capture_output=True, text=True, env=environment, check=True).stdout
    assert {"picture": "needs Chromium", "readme": "blocks of figures"}[command] in told


def test_a_figure_that_the_card_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="has nothing like Evaluated"):
        readme._of("# a card", r"Evaluated on (\d+) ECGs")
