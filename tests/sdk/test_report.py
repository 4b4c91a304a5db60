"""Reports: what must be on the page, and what must not."""

import io
import re
from html.parser import HTMLParser

import msgspec
import numpy as np
import pytest
from rich.console import Console

import ecg2lab
from ecg2lab.answer.explanation import Effect, Explanation, SegmentEffect
from ecg2lab.recording.leads import STANDARD
from ecg2lab.report import ecg_plot, fhir, grid, page, terminal, words


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
        assert f"{100 * finding.probability:.0f}\xa0%" in html
    assert prediction.notice in html
    assert prediction.engine.bundle_digest in html
    assert "temperature 37" in html
    assert "systolic pressure" in html


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


def test_words_from_outside_never_become_tags(prediction, recording):
    """Source, names of targets, labs, units, categories, channels and facts; no script, no second document."""
    evil = "</title></style></svg>--><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}\x00\u202e"
    finding = prediction.findings[0]
    criterion = msgspec.structs.replace(finding.criterion, lab=evil, unit=evil, category=evil, loinc=evil)
    findings = (
        msgspec.structs.replace(finding, target=evil, criterion=criterion),
        msgspec.structs.replace(finding, target=evil, criterion=None),
    )
    odd = msgspec.structs.replace(
        prediction,
        notice=evil,
        findings=findings,
        source={evil: {evil: [evil]}},
        record=evil,
        recording=msgspec.structs.replace(prediction.recording, ignored_channels=(evil,)),
        patient=msgspec.structs.replace(prediction.patient, given={"sex": evil}),
        engine=msgspec.structs.replace(prediction.engine, model=evil, device=evil),
        explanations=(explanation_of(evil),),
    )
    text = page.html(odd, recording, title=evil, credit=evil)
    tags = set()

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.add(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]

    Parser().feed(text)
    assert not tags & {"script", "img", "iframe", "object"}
    assert "49" not in text.split("</style>", 1)[1].split("<svg", 1)[0]
    assert text.count("<html") == text.count("<title>") == 1
    assert "default-src 'none'" in text


def explanation_of(target):
    names = ("I", "V2", "V1")
    return Explanation(
        target=target,
        logit=0.5,
        probability=0.62,
        leads=tuple(Effect(part=n, logit=x, probability=x / 4) for n, x in zip(names, (0.25, -1.5, 0), strict=True)),
        segments=(
            SegmentEffect(start_s=0, end_s=1, logit=0.5, probability=0.1),
            SegmentEffect(start_s=1, end_s=2.6, logit=-2, probability=-0.3),
            SegmentEffect(start_s=9.9, end_s=20, logit=0, probability=0),
        ),
        facts=(Effect(part="age", logit=0.125, probability=0.01), Effect(part="sex", logit=-1, probability=-0.2)),
        ecg=Effect(part="ECG", logit=2, probability=0.4),
        patient=None,
        not_removable=("bmi",),
    )


@pytest.mark.slow
def test_an_explanation_is_told_on_page_and_screen(prediction, recording):
    explained = msgspec.structs.replace(prediction, explanations=(explanation_of(prediction.findings[0].target),))
    text = page.html(explained, recording, title="record")
    screen = " ".join(terminal_text(explained).split())
    assert max(map(len, terminal_text(explained).splitlines())) <= 80
    for said in ("+0.25", "−1.50", "+0.12", "1.00 to 2.60 s: −2.00", "BMI"):
        assert said in text
        assert said in screen
    for said in (text, screen):
        assert "+40.00 percentage points" in said
    assert text.index(">sex<") < text.index(">age<")  # the larger effect first
    assert "What this answer rests on: " + str(prediction.findings[0].criterion).replace(">", "&gt;") in text


def test_an_explanation_lies_under_the_traces_at_its_time(recording):
    """In each column what belongs to its time; the darkest has the largest effect, and one of 0 has no colour."""
    from matplotlib.collections import PolyCollection

    figure = ecg_plot.figure(recording, explanation=explanation_of("x"))
    bands = [c for c in figure.axes[0].collections if isinstance(c, PolyCollection) and c.get_zorder() == 0.5]
    spans = sorted(
        (round(path.vertices[:, 0].min(), 6), round(path.vertices[:, 0].max(), 6))
        for b in bands
        for path in b.get_paths()
    )
    # 0 to 1 s and 1 to 2.6 s: in three first columns up to 2.5 s, in three second ones from there, and whole below.
    assert spans == sorted([(0, 25)] * 4 + [(25, 62.5)] * 3 + [(62.5, 65)] * 3 + [(25, 65)])
    opacities = {round(float(colour[3]), 3) for band in bands for colour in band.get_facecolors()}
    assert opacities == {0.15, 0.6}
    assert {"+0.25", "−1.50", "0.00"} <= {text.get_text() for text in figure.axes[0].texts}


def test_the_picture_measures_millimetres_wherever_it_fits(html):
    """265 mm: 250 of them for ten seconds; A4 landscape is 297 mm wide, its margins 20."""
    assert ".ecg svg { width: 265.0mm; max-width: 100%;" in html
    assert "size: A4 landscape; margin: 7mm 10mm" in html
    assert (ecg_plot.PAGE_S * 25, ecg_plot.WIDTH_MM) == (250, 265)
    view = re.search(r'viewBox="0 0 ([0-9.]+) ([0-9.]+)"', html)
    assert float(view[1]) / 72 * 25.4 == pytest.approx(ecg_plot.WIDTH_MM, abs=1e-3)
    assert float(view[2]) / 72 * 25.4 == pytest.approx(ecg_plot.HEIGHT_MM, abs=1e-3)


@pytest.mark.slow
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
    assert {finding.verdict for finding in prediction.findings} >= {"flagged", "not flagged"}
    for row in grid.ranked(prediction.findings).rows:
        assert re.search(
            rf"^{re.escape(row.name)} .* {words.LOOKS[row.verdict].mark} {row.verdict} *$", text, re.MULTILINE
        )
    for name in prediction.patient.imputed:
        assert words.in_words(name) in " ".join(text.split())


def test_a_model_without_thresholds_reports_probabilities_and_flags_nothing(bare_bundle, recording):
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
        assert "There is no decision on any target." in text
        assert not re.search(r"▲ +\d", text)
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


def test_what_the_gate_warns_of_is_said_everywhere(engine, recording):
    """Mains hum of 0.2 mV in V3: answered, but the reader is told."""
    samples = recording.samples.copy()
    samples[recording.leads.index("V3")] += 0.2 * np.sin(2 * np.pi * 50 * np.arange(samples.shape[1]) / recording.fs)
    hummed = ecg2lab.Recording(samples, fs=recording.fs, leads=recording.leads, unit="mV")
    prediction = engine.predict(hummed)
    warnings = [fault.message for fault in prediction.recording.quality.faults]
    assert any("V3" in warning for warning in warnings)
    shown = (
        " ".join(terminal_text(prediction).split()),
        page.html(prediction, hummed, title="hum"),
        fhir.encode(fhir.bundle(prediction)).decode(),
    )
    for report in shown:
        for warning in warnings:
            assert warning in report


def test_a_recording_without_a_warning_is_said_to_be_so(prediction):
    assert prediction.recording.quality.faults == ()
    assert "Quality accepted without a warning" in " ".join(terminal_text(prediction).split())
