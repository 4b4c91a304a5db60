"""The HTML report in a real browser."""

import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.system

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
)  # fmt: skip


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (make system-packages)")
def test_the_demo_page_is_drawn(tmp_path):
    """The picture holds ink in the ECG's colour, the warning's colour, and is neither blank nor cut in width."""
    from matplotlib.image import imread

    subprocess.run([sys.executable, "-m", "ecg2lab", "demo", "--out", tmp_path], check=True, capture_output=True)
    picture = tmp_path / "page.png"
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1100,1600"]
    command += [f"--screenshot={picture}", (tmp_path / "report.html").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pixels = imread(picture)[..., :3]
    assert pixels.shape[:2] == (1600, 1100)

    def share(colour, tolerance=0.02):
        wanted = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return (abs(pixels - wanted).max(axis=-1) < tolerance).mean()

    assert share("#fffafa") > 0.1, "the paper of the ECG"
    assert share("#1a1a2e") > 0.001, "traces and text"
    assert share("#fff4d6") > 0.01, "the notice"
