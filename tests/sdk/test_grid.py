"""Findings as people read them: one row a laboratory value, one column a moment, and the same words everywhere."""

import html as markup
import io
import itertools
import re

import msgspec
import pypdfium2
import pytest
from rich.console import Console

import ecg2lab
from ecg2lab.answer.prediction import ExperienceNote
from ecg2lab.report import fhir, grid, page, pdf, terminal, words


@pytest.fixture(scope="module")
def prediction(pointed, recording):
    with ecg2lab.load(pointed) as engine:
        return engine.predict(recording, ecg2lab.Patient(age=63))


@pytest.fixture(scope="module")
def finding(prediction):
    """Flagged, by an operating point."""
    return next(f for f in prediction.findings if f.detected and f.operating_point)


def moments_of(finding, *horizons):
    """The same value at several moments; 0 is now."""
    criterion = finding.criterion
    return [
        msgspec.structs.replace(
            finding,
            target=f"at {horizon}",
            criterion=msgspec.structs.replace(
                criterion, setting="forecasting" if horizon else "prediction", horizon_min=horizon or 60
            ),
        )
        for horizon in horizons
    ]


def rated(finding, target, verdict, ratio, probability=0.5):
    return msgspec.structs.replace(
        finding, target=target, criterion=None, verdict=verdict, detected=verdict == "flagged", ratio=ratio,
        probability=probability,
    )  # fmt: skip


def test_every_finding_stands_once_in_the_row_of_its_value_and_the_column_of_its_moment(prediction):
    table = grid.grid(prediction.findings)
    placed = [f for row in table.rows for f in row.findings]
    assert sorted(f.target for f in placed) == sorted(f.target for f in prediction.findings)
    assert table.moments == ("now", "within 30 min", "within 60 min", "within 120 min")
    for row in table.rows:
        assert len(row.cells) == len(table.moments)
        for moment, cell in zip(table.moments, row.cells, strict=True):
            assert cell is None or (cell.criterion.when, str(cell.criterion)) == (moment, row.name)


def test_a_value_has_one_row_for_all_its_moments_in_the_order_of_time(finding):
    table = grid.grid(moments_of(finding, 120, 0, 30))
    assert table.moments == ("now", "within 30 min", "within 120 min")
    (row,) = table.rows
    assert [cell.target for cell in row.cells] == ["at 0", "at 30", "at 120"]


def test_two_targets_for_the_same_value_and_moment_have_two_rows(finding):
    other = msgspec.structs.replace(finding, target="the same of another specimen")
    assert [row.findings for row in grid.grid([finding, other]).rows] == [[finding], [other]]


def test_more_moments_than_a_page_holds_are_rows_of_their_own(finding):
    table = grid.grid(moments_of(finding, *range(0, 80, 10)))
    assert table.moments == ("",)
    assert [row.name for row in table.rows][1] == f"{finding.criterion} within 10 min"


def test_flags_stand_first_then_the_largest_ratio_then_probabilities_without_one(finding):
    every = [
        rated(finding, "low", "not flagged", 0.4),
        rated(finding, "likely", "not flagged", None, 0.9),
        rated(finding, "rare and flagged", "flagged", 1.2),
        rated(finding, "unlikely", "no decision", None, 0.1),
        rated(finding, "high", "no decision", 3.0),
        rated(finding, "flagged", "flagged", 2.0),
        rated(finding, "flagged, no ratio", "flagged", None),
    ]
    expected = ["flagged", "rare and flagged", "flagged, no ratio", "high", "low", "likely", "unlikely"]
    for order in (every, every[::-1]):
        assert [row.name for row in grid.ranked(order).rows] == expected


def test_the_sentence_on_top_counts_and_names_laboratory_values(prediction, finding):
    def said(*findings):
        return grid.summary(msgspec.structs.replace(prediction, findings=findings))

    name = str(finding.criterion)
    several = moments_of(finding, 0, 30, 120)
    assert said(*several) == f"1 laboratory value is flagged: {name} (now, within 30, 120 min)."
    one = [msgspec.structs.replace(f, verdict="not flagged", detected=False) for f in several]
    assert said(*one) == "No laboratory value is flagged. 1 is not flagged."
    assert said(several[0], *one[1:]) == f"1 laboratory value is flagged: {name} (now)."
    none = rated(finding, "target_000", "no decision", None)
    assert said(none) == "There is no decision on any target."
    assert said(rated(finding, "a", "flagged", 1), none) == "1 target is flagged: a. 1 has no decision."


def test_a_flag_says_how_often_it_is_right_and_how_likely_it_was_before(finding):
    point = finding.operating_point
    ppv = msgspec.structs.replace(point.ppv, value=0.382, low=0.31, high=0.4512)
    point = msgspec.structs.replace(point, ppv=ppv, patients=2140)
    flag = msgspec.structs.replace(finding, base_rate=0.0731, ratio=2.6, operating_point=point)
    right = "such a flag is right in 38% (31–45%), measured on 2,140 patients"
    assert words.worth(flag) == f"2.6 × the base rate of 7.3%; {right}"
    little = msgspec.structs.replace(flag, operating_point=msgspec.structs.replace(point, facts="age and sex"))
    assert words.worth(little).endswith(f"{right}, with age and sex alone")
    untold = msgspec.structs.replace(flag, operating_point=msgspec.structs.replace(point, ppv=None))
    assert "could not be told" in words.worth(untold)
    bare = msgspec.structs.replace(flag, base_rate=None, ratio=None, operating_point=None)
    assert words.worth(bare) == "threshold of unknown operating point"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("specificity=0.9", "Flags keep a specificity of 0.9."),
        ("sensitivity=0.95", "Flags keep a sensitivity of 0.95."),
        ("ppv=0.5", "Flags keep a positive predictive value of 0.5."),
        ("net-benefit=0.1", "Flags begin at a probability of 0.1, where they have the greatest net benefit."),
        ("youden", "Flags begin where sensitivity plus specificity is greatest (Youden)."),
        ("by {hand}\n", "Rule of the flags: by {hand}."),
    ],
)
def test_the_rule_is_said_once_in_words(finding, rule, sentence):
    ruled = msgspec.structs.replace(finding, rule=rule)
    assert words.rules([ruled, msgspec.structs.replace(finding, rule=None), ruled]) == sentence


def test_reasons_are_said_once_with_all_that_they_hold_of(prediction):
    sentences = grid.undecided(prediction, "no decision")
    reasons = {f.reason for f in prediction.findings if f.reason}
    assert len(sentences) == len(reasons) == 2
    for sentence in sentences:
        named, _, reason = sentence.partition("): ")
        for f in prediction.findings:
            assert (f.reason == reason) == (f"{f.criterion} (" in named), (f.target, sentence)


def test_reasons_that_begin_alike_are_one_sentence(prediction):
    """The counts of each are in the JSON."""
    first, second, *rest = (msgspec.structs.replace(f, verdict="no decision") for f in prediction.findings)
    findings = (
        msgspec.structs.replace(first, reason="too few cases: 3 positives and 90 negatives; 100 of each are needed"),
        msgspec.structs.replace(second, reason="too few cases: 7 positives and 80 negatives; 100 of each are needed"),
        *(msgspec.structs.replace(f, reason="another") for f in rest),
    )
    sentences = grid.undecided(msgspec.structs.replace(prediction, findings=findings), "no decision")
    assert len(sentences) == 2
    [few] = [sentence for sentence in sentences if sentence.endswith(": too few cases")]
    assert str(first.criterion) in few
    assert str(second.criterion) in few


def test_a_recording_outside_experience_says_so_first(prediction):
    reason = "age lies beyond the 18 to 91 y of those that the model was trained on"
    note = ExperienceNote(distance=3.0, limit=20.0, quantile=0.99, outside=True, reasons=(reason,))
    findings = tuple(
        msgspec.structs.replace(f, verdict="outside experience", reason=reason, detected=None, decision_threshold=None)
        for f in prediction.findings
    )
    outside = msgspec.structs.replace(prediction, findings=findings, experience=note)
    summary = "This recording lies outside the model's experience: nothing is decided on any laboratory value."
    assert grid.summary(outside) == summary
    assert dict(grid.notes(outside))["Experience"] == f"outside: {reason}"
    assert {row.verdict for row in grid.ranked(findings).rows} == {"outside experience"}


def test_what_is_unsure_stands_between_flags_and_the_others(prediction):
    first, *rest = prediction.findings
    unsure = msgspec.structs.replace(first, verdict="unsure", reason="both answers remain", detected=None)
    others = (msgspec.structs.replace(f, verdict="not flagged", reason=None) for f in rest)
    said = msgspec.structs.replace(prediction, findings=(unsure, *others))
    assert "1 is unsure and" in grid.summary(said)
    assert dict(grid.notes(said))["Unsure"].endswith("both answers remain")


def texts(prediction, recording):
    """What each report says, in one line: the words a reader sees."""
    screen = io.StringIO()
    terminal.show(prediction, "record", Console(file=screen, width=80))
    with pypdfium2.PdfDocument(pdf.pdf(prediction, recording, "record")) as document:
        paper = " ".join(page.get_textpage().get_text_range() for page in document)
    document = re.sub("<style>.*?</style>|<[^>]*>", " ", page.html(prediction, recording, "record"), flags=re.DOTALL)
    answer = fhir.encode(fhir.bundle(prediction)).decode()
    said = {"terminal": screen.getvalue(), "pdf": paper, "page": markup.unescape(document), "fhir": answer}
    return {form: " ".join(text.replace("\xa0%", "%").split()) for form, text in said.items()}


def test_terminal_page_pdf_and_fhir_tell_the_same(prediction, recording):
    """Verdicts with marks, what flags are worth, the sentence on top, the rule and the reasons."""
    for form, text in texts(prediction, recording).items():
        text = text.replace(" %", "%")
        assert grid.summary(prediction) in text, form
        assert "Flags keep a specificity of 0.9." in text, form
        assert "detected" not in text, form
        for f in prediction.findings:
            if f.verdict == "flagged":
                assert words.worth(f) in text, (form, f.target)
            if f.reason:
                assert f.reason in text, (form, f.target)
        if form != "fhir":
            for row in grid.ranked(prediction.findings).rows:
                assert f"{words.LOOKS[row.verdict].mark} " in text
                assert row.name in text, form


def test_nothing_is_told_by_colour_alone(prediction, recording):
    """In each cell of the page stand mark, figure and word, and only a flag is bold."""
    document = page.html(prediction, recording, "record")
    cells = re.findall(
        r'<div class="answer ([a-z-]+)"><span class="number">(.) [0-9.]+\xa0%</span> <span[^>]*>([a-z ]+)</span></div>',
        document,
    )
    assert len(cells) == len(prediction.findings)
    for kind, mark, word in cells:
        assert (kind, words.LOOKS[word].mark) == (word.replace(" ", "-"), mark)
    assert len({look.mark for look in words.LOOKS.values()}) == len(words.LOOKS)
    assert [word for word, look in words.LOOKS.items() if look.weight == "bold"] == ["flagged"]


def luminance(colour):
    """Relative luminance, 0 … 1 (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def test_verdicts_can_be_read_and_bars_be_told_apart_in_grey():
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for parts of a picture."""
    for look in words.LOOKS.values():
        assert contrast(look.colour, "#ffffff") >= 4.5
    assert contrast(words.LOOKS["flagged"].colour, words.QUIET_BAR) >= 3


def seen_without_red_or_green(colour):
    """What a deuteranope sees (Machado, Oliveira & Fernandes 2009, severity 1), linear light."""
    matrix = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881))
    channels = [(int(colour[i : i + 2], 16) / 255) ** 2.2 for i in (1, 3, 5)]
    return [max(0, sum(a * c for a, c in zip(row, channels, strict=True))) ** (1 / 2.2) for row in matrix]


def test_colours_of_verdicts_differ_for_who_does_not_see_red_and_green():
    """By at least a tenth of the range in one channel."""
    seen = [seen_without_red_or_green(look.colour) for look in words.LOOKS.values()]
    for one, other in itertools.combinations(seen, 2):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.1


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_on_a_terminal_of_any_width_figures_stay_with_their_moment(prediction, width):
    screen = io.StringIO()
    terminal.show(prediction, "record", Console(file=screen, width=width))
    text = screen.getvalue()
    assert max(map(len, text.splitlines())) <= width
    for row in grid.ranked(prediction.findings).rows:
        for f in row.findings:
            assert f"{words.look(f).mark} {words.percent(f.probability):>3}" in text or (
                f"{words.look(f).mark} {f.criterion.when}" in " ".join(text.split())
            )


@pytest.mark.parametrize("width", [42, 55, 69])
def test_a_narrow_terminal_has_a_compact_table_and_says_what_its_marks_are(prediction, width):
    """A line for each laboratory value, with all of its moments in it, and the notice."""
    screen = io.StringIO()
    terminal.show(prediction, "record", Console(file=screen, width=width))
    text = screen.getvalue()
    assert prediction.notice.upper() in text
    assert "▲ flagged" in text
    assert grid.MOMENTS_IN_MINUTES in " ".join(text.split())
    for row in grid.ranked(prediction.findings).rows:
        shown = [f"{words.look(f).mark} {words.percent(f.probability):>3}" for f in row.findings]
        assert re.search(" +".join(map(re.escape, shown)), text), row.name
