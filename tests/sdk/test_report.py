"""Reports: what must be on the page, and what must not."""

import io
import re
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest
from rich.console import Console

import ecg2lab
from ecg2lab.leads import STANDARD
from ecg2lab.report import ecg_plot, page, terminal


@pytest.fixture(scope="module")
def prediction(engine, recording):
    return engine.predict(recording, ecg2lab.Patient(age=63, temperature_c=37))


@pytest.fixture(scope="module")
def html(prediction, recording):
    return page.html(prediction, recording, title="a <b> title", credit="somebody & others")


def terminal_text(prediction):
    text = io.StringIO()
    terminal.show(prediction, "record", Console(file=text, width=80))
    return text.getvalue()


def test_the_page_states_notice_findings_inputs_and_model(html, prediction):
    for finding in prediction.findings:
        assert f"{100 * finding.probability:.0f} %" in html
    assert prediction.notice in html
    assert prediction.engine.bundle_digest in html
    assert "temperature_c 37" in html
    assert "systolic_mmhg" in html


def test_the_page_refers_to_nothing_outside_itself(html):
    assert not re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)[^\"']+", html.replace("http://www.w3.org", "#"))
    assert "@import" not in html
    assert "<script" not in html


def test_text_from_outside_is_escaped(html):
    assert "a &lt;b&gt; title" in html
    assert "somebody &amp; others" in html


def test_the_page_is_well_formed(html):
    stack = []

    class Parser(HTMLParser):
        void = frozenset({"meta", "br", "link", "input", "img", "path", "use"})

        def handle_starttag(self, tag, attrs):
            if tag not in self.void:
                stack.append(tag)

        def handle_startendtag(self, tag, attrs):
            pass

        def handle_endtag(self, tag):
            if tag not in self.void:
                assert stack.pop() == tag

    Parser().feed(html)
    assert not stack


def test_the_same_recording_gives_the_same_picture(recording):
    assert ecg_plot.svg(recording) == ecg_plot.svg(recording)
    assert ecg_plot.png(recording) == ecg_plot.png(recording)


def test_the_ecg_is_drawn_to_scale_with_every_lead(recording):
    """One unit of the axes is a millimetre: 25 mm/s, 10 mm/mV."""
    figure = ecg_plot.figure(recording)
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} >= set(STANDARD)
    width_mm = 25.4 * figure.get_size_inches()[0]
    assert axes.get_xlim()[1] - axes.get_xlim()[0] == pytest.approx(width_mm)
    rhythm = max(axes.lines, key=lambda line: len(line.get_xdata()))
    x, y = rhythm.get_data()
    lead = recording.samples[STANDARD.index("II")]
    assert (x[-1] - x[0]) / 25 == pytest.approx((len(lead) - 1) / 500)
    assert np.ptp(y) / 10 == pytest.approx(np.ptp(lead))


def test_missing_samples_are_gaps_and_absent_limb_leads_are_derived(recording):
    samples = recording.samples[[0, 1, *range(6, 12)]].copy()
    samples[1, 1000:1200] = np.nan
    names = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
    eight = ecg2lab.Recording(samples, fs=500, leads=names, unit="mV")
    assert np.isnan(ecg_plot.lead_samples(eight, "aVF")[1000:1200]).all()
    np.testing.assert_allclose(ecg_plot.lead_samples(eight, "III")[:1000], recording.samples[2, :1000], atol=2e-3)
    assert ecg_plot.svg(eight).startswith("<svg")


def test_a_recording_without_the_leads_cannot_be_drawn(recording):
    two = ecg2lab.Recording(recording.samples[:2], fs=500, leads=["I", "II"], unit="mV")
    with pytest.raises(ecg2lab.RecordingError, match="V1"):
        ecg_plot.figure(two)


def test_the_terminal_table_fits_80_columns_and_says_everything(prediction):
    text = terminal_text(prediction)
    assert max(map(len, text.splitlines())) <= 80
    assert prediction.notice.upper() in text
    assert "not detected" in text or "detected" in text
    for name in prediction.patient.imputed:
        assert name in text


def test_a_model_without_thresholds_reports_probabilities_and_never_says_detected(bare_bundle, recording):
    """On the screen, on the page and in JSON: a checkpoint that came without a contract knows no decision."""
    patient = ecg2lab.Patient(
        age=63, sex="female", race="white", respiratory_per_min=16, spo2_percent=97, diastolic_mmhg=70,
        systolic_mmhg=128, heart_rate_bpm=80, temperature_c=37, height_cm=170, weight_kg=70,
    )  # fmt: skip
    with ecg2lab.load(bare_bundle) as bare:
        prediction = bare.predict(recording, patient)
    screen, answer = terminal_text(prediction), msgspec.json.decode(prediction.to_json())
    body = page.html(prediction, recording, title="record").split("</style>", 1)[1]
    for text in (screen, body):
        assert "no decision" in text
        assert "detected" not in text.lower()
        for finding in prediction.findings:
            assert finding.target in text
    assert "Imputed" in screen
    for index, finding in enumerate(answer["findings"]):
        assert finding["target"] == f"target_{index:03d}"
        assert 0 < finding["probability"] < 1
        assert (finding["detected"], finding["decision_threshold"], finding["criterion"]) == (None, None, None)


def test_a_recordings_oddities_are_said(prediction):
    odd = msgspec.structs.replace(
        prediction,
        recording=msgspec.structs.replace(
            prediction.recording, derived_leads=("III",), ignored_channels=("Vx",), missing_samples={"V1": 1},
            clipped_samples={"V2": 7}, unused_s=0.9,
        ),
    )  # fmt: skip
    text = terminal_text(odd)
    for said in ("III", "Vx", "V1: 1 sample", "V2: 7 samples", "0.9 s at the end unused"):
        assert said in text
