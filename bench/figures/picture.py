"""The README's picture: the report of `ecg2lab demo` in headless Chromium. Of which bundle it is, it says itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

import ecg2lab
from ecg2lab.bundle import Bundle
from ecg2lab.demo import bundle_path, record_path

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "demo.png"
SIZE = (1100, 1130)
"""Pixels: the ECG, the summary and the first findings."""
BUNDLE, ANSWERS = "ecg2lab bundle", "ecg2lab answers"
"""Texts in the picture: the digest, and the probability of each target as JSON."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip


def browser() -> str | None:
    """Chromium, or what goes by another name; None: there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def browse(page: Path, *flags: str) -> str:
    """Open a page in a browser of its own; what the browser prints.

    Raises
    ------
    FileNotFoundError
        If there is no browser.
    """
    program = browser()
    if program is None:
        raise FileNotFoundError("chromium is not installed (make system-packages)")
    with tempfile.TemporaryDirectory() as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()]
        return subprocess.run(command, check=True, capture_output=True, timeout=120, text=True).stdout


def screenshot(out: Path, size: tuple[int, int] = SIZE) -> None:
    """Draw the demo's report, from its top."""
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "ecg2lab", "demo", "--out", folder]
        subprocess.run(demo, check=True, capture_output=True)
        width, height = size
        browse(Path(folder) / "report.html", f"--window-size={width},{height}", f"--screenshot={out}")


def stamps() -> dict[str, str]:
    """What the picture of the packaged bundle has to say."""
    with ecg2lab.load(bundle_path()) as engine:
        prediction = engine.predict(ecg2lab.read(record_path()))
    answers = {finding.target: round(finding.probability, 4) for finding in prediction.findings}
    return {BUNDLE: Bundle.open(bundle_path()).digest, ANSWERS: json.dumps(answers)}


def stamp(picture: Path, texts: Mapping[str, str]) -> None:
    """Write texts into a picture."""
    information = PngInfo()
    for name, text in texts.items():
        information.add_text(name, text)
    with Image.open(picture) as image:
        image.convert("RGB").save(picture, pnginfo=information, optimize=True)


def texts_of(picture: Path) -> dict[str, str]:
    """What a picture says of itself."""
    with Image.open(picture) as image:
        return {key: str(value) for key, value in image.info.items()}


def make(out: Path = PICTURE) -> None:
    """Draw the picture anew."""
    screenshot(out)
    stamp(out, stamps())
