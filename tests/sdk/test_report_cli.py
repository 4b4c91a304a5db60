"""`ecg2lab predict` in every format: files, refusals among answers, and what --deidentify leaves."""

import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pypdfium2
import pytest
from typer.testing import CliRunner

import ecg2lab
from ecg2lab.cli import app
from ecg2lab.errors import MissingExtraError
from ecg2lab.report.document import json_schema, schema_text

DATA = Path(__file__).parent.parent / "data"
RECORD = str(DATA / "HR06000.hea")
SUFFIXES = {"table": ".txt", "json": ".json", "fhir": ".fhir.json", "html": ".html", "pdf": ".pdf"}


def predict(*arguments):
    return CliRunner().invoke(app, ["predict", *map(str, arguments)])


@pytest.mark.parametrize("form", SUFFIXES)
def test_each_record_gets_a_file_and_a_bad_one_does_not_stop_the_others(bundle, contract, tmp_path, form):
    target = contract.targets[0].name
    result = predict(bundle, RECORD, DATA / "100_3chan.hea", DATA / "E07500.hea", "--format", form, "--out", tmp_path,
                     "--explain", target)  # fmt: skip
    assert result.exit_code == 1
    assert "RecordingError" in result.stderr
    assert result.stderr.count("\n") == 1
    written = {path.name for path in tmp_path.iterdir()}
    refusals = {f"100_3chan{SUFFIXES[form]}"} if form != "table" else set()
    assert written == {f"HR06000{SUFFIXES[form]}", f"E07500{SUFFIXES[form]}"} | refusals
    assert all(path.stat().st_size > 500 for path in tmp_path.iterdir() if "100_3chan" not in path.name)


@pytest.mark.slow
def test_json_and_fhir_on_the_screen_are_one_line_for_each_record(bundle, contract):
    for form in ("json", "fhir"):
        result = predict(bundle, RECORD, "nowhere.hea", "--format", form, "--explain", contract.targets[1].name)
        answered, refused = map(json.loads, result.stdout.splitlines())
        assert result.exit_code == 1
        if form == "fhir":
            assert [e["entry"][0]["resource"]["status"] for e in (answered, refused)] == ["preliminary", "cancelled"]
        else:
            for line in (answered, refused):
                jsonschema.validate(line, json_schema())
            assert [e["target"] for e in answered["explanations"]] == [contract.targets[1].name]


@pytest.mark.parametrize("form", SUFFIXES)
def test_deidentified_files_do_not_name_the_patient(bundle, tmp_path, form):
    """A name in the folder, the file and its header, of an answered and of refused records."""
    folder = tmp_path / "Doe_Jane"
    folder.mkdir()
    for name in ("HR06000.hea", "HR06000.mat", "100_3chan.hea", "100_3chan.dat"):
        shutil.copy(DATA / name, folder)
    header = folder / "HR06000.hea"
    jane = folder / "JaneDoe4711.hea"
    jane.write_text(header.read_text())
    (folder / "DoeJane.hea").write_text(header.read_text().replace("HR06000.mat", "DoeJane.mat"))
    out = tmp_path / "out"
    records = [jane, folder / "DoeJane.hea", folder / "Doe.hea", folder / "100_3chan.hea"]
    result = predict(bundle, *records, "--format", form, "--out", out, "--deidentify", "--age", 93)
    assert result.exit_code == 1
    assert (out / f"recording-1{SUFFIXES[form]}").exists()
    assert len(list(out.iterdir())) == (1 if form == "table" else 4)
    for path in out.iterdir():
        content = path.read_bytes()
        for name in (b"Doe", b"Jane", b"4711", b"age 93"):
            assert name not in content, (path, name)


@pytest.mark.slow
def test_a_refused_record_gets_a_page_that_says_why(bundle, tmp_path):
    """With its ECG where the leads are there, and all that the quality gate found."""
    recording = ecg2lab.read(RECORD)
    recording.samples[8] = 0.2
    recording.samples[9] += 0.3 * np.random.default_rng(0).standard_normal(recording.samples.shape[1])
    rows = "\n".join(",".join(map(repr, map(float, column))) for column in recording.samples.T)
    (tmp_path / "flat.csv").write_text(f"# fs: 500\n# unit: mV\n{','.join(recording.leads)}\n{rows}\n")
    (tmp_path / "short.csv").write_text("I,II\n1,2\n<b>,3\n")
    for form in ("json", "html", "pdf"):
        records = [tmp_path / "flat.csv", tmp_path / "short.csv"]
        assert predict(bundle, *records, "--format", form, "--out", tmp_path).exit_code == 1
    found = json.loads((tmp_path / "flat.csv.json").read_bytes())
    jsonschema.validate(found, json_schema())
    assert {("flat", "V3"), ("noise", "V4")} <= {(f["fault"], f["lead"]) for f in found["quality"]["faults"]}
    page = (tmp_path / "flat.csv.html").read_text()
    assert "No answer:" in page
    assert found["error"]["message"] in page
    assert "V4 with noise" in page
    assert "<svg" in page
    unread = (tmp_path / "short.csv.html").read_text()
    assert "RecordingError" in unread
    assert "<svg" not in unread
    assert "<b>" not in unread
    with pypdfium2.PdfDocument(tmp_path / "flat.csv.pdf") as document:
        text = " ".join(page.get_textpage().get_text_range() for page in document)
    assert found["error"]["message"] in text
    assert "V4 with noise" in text


def test_the_schema_is_printed(bundle):
    result = predict("--schema")
    assert result.exit_code == 0
    assert result.stdout == schema_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--format", "pdf"), ("--format", "html"), ("--json", "--format", "fhir"), ("--json", "--format", "pdf"),
        ("--format", "docx"), ("--explain",),
    ],
)  # fmt: skip
def test_misuse_is_exit_code_2(bundle, arguments):
    assert predict(bundle, RECORD, *arguments).exit_code == 2


def test_an_unknown_target_to_explain_is_refused_before_any_record(bundle, tmp_path):
    result = predict(bundle, RECORD, "--explain", "potasium", "--format", "json", "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "unknown target 'potasium'" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("form", "module"), [("html", "jinja2"), ("html", "matplotlib"), ("pdf", "matplotlib")])
def test_a_missing_extra_is_named_once(bundle, tmp_path, monkeypatch, form, module):
    from ecg2lab.system import extras

    found = extras.util.find_spec
    monkeypatch.setattr(extras.util, "find_spec", lambda name: None if name == module else found(name))
    result = predict(bundle, RECORD, RECORD, "--format", form, "--out", tmp_path)
    assert isinstance(result.exception, MissingExtraError)
    assert "ecg2lab[report]" in str(result.exception)
