"""The HTML report in a real browser."""

import re
import subprocess
import sys

import numpy as np
import pytest

from figures.picture import browse, browser, screenshot

pytestmark = pytest.mark.system

needs_a_browser = pytest.mark.skipif(browser() is None, reason="chromium is not installed (make system-packages)")


@needs_a_browser
def test_the_demo_page_is_drawn(tmp_path):
    """The picture holds ink in the ECG's colour, the warning's colour, and is neither blank nor cut in width."""
    from matplotlib.image import imread

    picture = tmp_path / "page.png"
    screenshot(picture, size=(1100, 1600))
    pixels = imread(picture)[..., :3]
    assert pixels.shape[:2] == (1600, 1100)

    def share(colour, tolerance=0.02):
        wanted = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        return (abs(pixels - wanted).max(axis=-1) < tolerance).mean()

    assert share("#fffafa") > 0.1, "the paper of the ECG"
    assert share("#1a1a2e") > 0.001, "traces and text"
    assert share("#fff4d6") > 0.01, "the notice"


@needs_a_browser
def test_the_page_prints_true_to_scale(tmp_path, calibration_pulses):
    """The calibration pulse on paper: 5 mm by 10 mm, at 10 pixels a millimetre; lines are 0.2 mm thick."""
    import pypdfium2

    import ecg2lab.demo

    command = [sys.executable, "-m", "ecg2lab", "predict", ecg2lab.demo.bundle_path(), ecg2lab.demo.record_path()]
    command += ["--format", "html", "--out", tmp_path, "--explain", "potassium_high_now"]
    subprocess.run(command, check=True, capture_output=True)
    (page,) = tmp_path.glob("*.html")
    paper = tmp_path / "paper.pdf"
    browse(page, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    with pypdfium2.PdfDocument(paper) as document:
        pages = [sheet.render(scale=10 * 25.4 / 72).to_numpy() for sheet in document]
        texts = [sheet.get_textpage().get_text_range() for sheet in document]
    found = [pulses for sheet in pages if len(pulses := calibration_pulses(sheet, 10))]
    assert [len(pulses) for pulses in found] == [4, 4], "the ECG, and once more with its explanation"
    for pulses in found:
        np.testing.assert_allclose(pulses[:, 2], 5, atol=0.15)
        np.testing.assert_allclose(pulses[:, 3], 10, atol=0.35)
    assert "What this answer rests on" in texts[-1], "an explanation fits its page"
    assert "Leads" in texts[-1]
    for text in texts:
        assert "synthetic weights, not for clinical use" in text, "a page can be taken away alone"
        assert len(text.splitlines()) > 4, "no page is there for a line or two"


@needs_a_browser
@pytest.mark.parametrize("width", [320, 400, 800, 1280])
def test_nothing_is_cut_off_on_a_screen_of_any_width(tmp_path, width):
    """No element is wider than the window, none hides a part of its text."""
    import ecg2lab.demo

    command = [sys.executable, "-m", "ecg2lab", "predict", ecg2lab.demo.bundle_path(), ecg2lab.demo.record_path()]
    command += ["--format", "html", "--out", tmp_path, "--explain", "potassium_high_now"]
    subprocess.run(command, check=True, capture_output=True)
    (page,) = tmp_path.glob("*.html")
    html = re.sub("<meta http-equiv=.*?>", "", page.read_text(encoding="utf-8"))  # that lets no script measure
    (tmp_path / "framed.html").write_text(f'<iframe src="measured.html" width="{width}" height="900"></iframe>')
    measure = """<script>
    const wide = x => x.clientWidth && x.scrollWidth > x.clientWidth + 1;
    const cut = [...document.querySelectorAll("body *")].filter(wide).map(x => x.className || x.tagName);
    parent.postMessage(cut.join(" ") + "|" + document.documentElement.scrollWidth, "*");
    </script>"""
    (tmp_path / "measured.html").write_text(html + measure, encoding="utf-8")
    framed = tmp_path / "framed.html"
    listen = "<script>onmessage = told => { document.title = told.data }</script>"
    framed.write_text(listen + framed.read_text())
    title = re.search("<title>(.*?)</title>", browse(framed, "--dump-dom", "--virtual-time-budget=5000"))[1]
    cut, _, scroll = title.partition("|")
    assert cut == ""
    assert int(scroll) <= width
