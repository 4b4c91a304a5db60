"""The printed page: true to scale, complete, the same bytes again, and safe whatever the words are."""

import msgspec
import numpy as np
import pypdfium2
import pytest

import ecg2lab
from ecg2lab.report import pdf
from ecg2lab.report.sheet import PAGE_MM

MILLIMETRE = 10
"""Pixels."""
PATIENT = ecg2lab.Patient(age=63, temperature_c=37)
ODD = 'a $\\frac{1}{0 <b>"&\x00\x1b[31m\u202e\n心電図 ' + "x" * 900


@pytest.fixture(scope="module")
def prediction(engine, recording):
    prediction = engine.predict(recording, PATIENT)
    explanations = engine.explain(recording, PATIENT, [prediction.findings[0].target])
    return msgspec.structs.replace(prediction, explanations=explanations)


@pytest.fixture(scope="module")
def printed(prediction, recording):
    return pdf.pdf(prediction, recording, "record 7")


def pages(content):
    with pypdfium2.PdfDocument(content) as document:
        return [page.render(scale=MILLIMETRE * 25.4 / 72).to_numpy()[..., ::-1] for page in document]


def texts(content):
    with pypdfium2.PdfDocument(content) as document:
        return [page.get_textpage().get_text_range() for page in document]


@pytest.mark.slow
def test_the_paper_is_a4_and_the_calibration_pulse_1_mv_by_200_ms(printed, calibration_pulses):
    """5 mm by 10 mm, in four rows 30 mm apart; a pixel is 0.1 mm, a line 0.2 mm thick."""
    first, *_, explained = pages(printed)
    np.testing.assert_allclose(first.shape[:2], (PAGE_MM[1] * MILLIMETRE, PAGE_MM[0] * MILLIMETRE), atol=1)
    for page in (first, explained):
        pulses = calibration_pulses(page, MILLIMETRE)
        assert len(pulses) == 4
        np.testing.assert_allclose(pulses[:, 2], 5, atol=0.15)
        np.testing.assert_allclose(pulses[:, 3], 10, atol=0.35)
        np.testing.assert_allclose(np.diff(pulses[:, 1]), 30, atol=0.15)


@pytest.mark.slow
def test_eight_seconds_are_two_hundred_millimetres_and_two_millivolts_are_twenty(prediction, recording):
    """Two spikes in the rhythm strip, measured on the paper: 25 mm/s, 10 mm/mV."""
    samples = np.zeros_like(recording.samples)
    samples[:, [500, 4500]] = 1.2
    samples[:, [501, 4501]] = -0.8
    spikes = ecg2lab.Recording(samples, fs=500, leads=recording.leads, unit="mV")
    page = pages(pdf.pdf(prediction, spikes, "spikes"))[0]
    ink = page.astype(int).sum(axis=2) < 330
    strip = ink[1280:1550, 300:]
    columns = np.flatnonzero(strip.sum(axis=0) > 100)
    left, right = columns[columns < columns.mean()], columns[columns > columns.mean()]
    assert (right.mean() - left.mean()) / MILLIMETRE == pytest.approx(200, abs=0.1)
    rows = np.flatnonzero(strip[:, columns].any(axis=1))
    assert (rows[-1] - rows[0]) / MILLIMETRE == pytest.approx(20, abs=0.4)


@pytest.mark.slow
def test_everything_that_a_reader_must_know_is_in_the_text(printed, prediction):
    each = texts(printed)
    whole = " ".join(" ".join(each).split())
    for finding in prediction.findings:
        assert str(finding.criterion) in whole
    for word in (
        "record 7",
        prediction.engine.bundle_digest,
        "temperature 37",
        "systolic pressure",
        "not a medical device",
    ):
        assert word in whole
    for page in each:
        assert prediction.notice in page.lower()
    assert "What this answer rests on" in each[-1]


@pytest.mark.slow
def test_the_same_answer_gives_the_same_bytes(printed, prediction, recording):
    assert pdf.pdf(prediction, recording, "record 7") == printed


@pytest.mark.slow
def test_as_many_pages_as_the_findings_need(prediction, recording):
    """Four times the published number of targets, each with its own name."""
    named = [
        msgspec.structs.replace(
            finding, target=f"target_{copy}_{number}", criterion=None, verdict="no decision", detected=None
        )
        for copy in range(82)
        for number, finding in enumerate(prediction.findings)
    ]
    content = pdf.pdf(msgspec.structs.replace(prediction, findings=tuple(named), explanations=()), recording, "many")
    whole = "".join(texts(content)).split()
    assert len(texts(content)) > 5
    assert set(whole) >= {finding.target for finding in named}
    assert whole.count("decision") >= len(named)


@pytest.mark.slow
def test_words_from_outside_are_only_words(prediction, recording):
    """Mathematics, control characters, marks of direction, letters that the font lacks, and no end."""
    finding = prediction.findings[0]
    criterion = msgspec.structs.replace(finding.criterion, lab=ODD[:100], category=ODD[:100])
    odd = msgspec.structs.replace(
        prediction,
        findings=(msgspec.structs.replace(finding, criterion=criterion), *prediction.findings[1:]),
        source={ODD: ODD, "list": [ODD] * 50},
        recording=msgspec.structs.replace(prediction.recording, ignored_channels=(ODD,) * 9),
    )
    content = pdf.pdf(odd, recording, ODD)
    for action in (b"/JavaScript", b"/OpenAction", b"/URI", b"/Launch", b"/AA"):
        assert action not in content
    assert "$\\frac{1}{0 <b>" in "".join(texts(content))


@pytest.mark.slow
def test_short_long_and_broken_recordings_are_drawn(prediction, recording):
    lead = recording.samples.copy()
    lead[3] = np.nan
    lead[4] = 40
    for samples in (recording.samples[:, :1300], np.tile(recording.samples, (1, 7)), lead):
        odd = ecg2lab.Recording(samples, fs=500, leads=recording.leads, unit="mV")
        assert "25 mm/s" in texts(pdf.pdf(prediction, odd, "x"))[0]
