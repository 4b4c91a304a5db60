"""Pictures do not depend on what a user told matplotlib: the same bytes, true to scale; the user's settings stay."""

import os
import subprocess
import sys

import pypdfium2
import pytest

pytestmark = pytest.mark.slow

HOSTILE = """
figure.dpi: 37
savefig.dpi: 41
figure.autolayout: True
figure.constrained_layout.use: False
figure.facecolor: black
savefig.bbox: tight
savefig.pad_inches: 2
savefig.transparent: True
savefig.facecolor: black
font.family: serif
font.size: 31
font.sans-serif: Comic Sans MS, cursive
text.usetex: False
text.color: white
axes.facecolor: black
axes.xmargin: 0.4
axes.autolimit_mode: round_numbers
lines.linewidth: 9
lines.linestyle: --
lines.marker: o
lines.color: white
path.sketch: 4, 60, 9
path.simplify: True
path.simplify_threshold: 1.0
patch.linewidth: 8
pdf.fonttype: 3
pdf.compression: 0
svg.fonttype: path
svg.hashsalt: theirs
"""
DRAW = """
import sys
from pathlib import Path

record, bundle, out = sys.argv[1:]
import ecg2lab
from ecg2lab.report import ecg_plot, page, pdf

recording = ecg2lab.read(record)
with ecg2lab.load(bundle, threads=1) as engine:
    prediction = engine.predict(recording)
Path(out, "report.pdf").write_bytes(pdf.pdf(prediction, recording, "record"))
Path(out, "page.html").write_text(page.html(prediction, recording, "record"))
Path(out, "ecg.png").write_bytes(ecg_plot.png(recording))
import matplotlib

before = dict(matplotlib.rcParams)
ecg_plot.svg(recording)
assert dict(matplotlib.rcParams) == before
print(matplotlib.rcParams["lines.linewidth"], matplotlib.rcParams["backend"])
"""


def drawn(folder, records, bundle, **changes):
    """Draw in a process of its own; gives what it says of matplotlib's settings, and its files."""
    folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MPL")}
    arguments = [sys.executable, "-c", DRAW, records / "HR06000.hea", bundle, folder]
    # A cache of fonts that is written anew says so.
    done = subprocess.run(arguments, capture_output=True, text=True, env={**environment, **changes}, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory, data_folder, pointed):
    return drawn(tmp_path_factory.mktemp("plain") / "out", data_folder, pointed)[1]


@pytest.mark.parametrize("backend", ["svg", "TkAgg", "module://nowhere.to.be.found", "nonsense"])
def test_a_hostile_matplotlibrc_changes_no_byte_and_comes_back(
    tmp_path, data_folder, pointed, plain, backend, calibration_pulses
):
    settings = tmp_path / "matplotlibrc"
    settings.write_text(HOSTILE)
    changes = {"MATPLOTLIBRC": str(settings), "MPLBACKEND": backend}
    (width, theirs), files = drawn(tmp_path / "out", data_folder, pointed, **changes)
    assert (width, theirs.lower()) == ("9.0", backend.lower()) or backend == "nonsense"
    for name, content in plain.items():
        assert files[name] == content, name
    with pypdfium2.PdfDocument(files["report.pdf"]) as document:
        page = document[0].render(scale=10 * 25.4 / 72).to_numpy()[..., ::-1]
    pulses = calibration_pulses(page, 10)  # 5 mm by 10 mm: 200 ms at 25 mm/s, 1 mV at 10 mm/mV
    assert len(pulses) == 4
    assert pulses[:, 2] == pytest.approx([5] * 4, abs=0.15)
    assert pulses[:, 3] == pytest.approx([10] * 4, abs=0.35)
