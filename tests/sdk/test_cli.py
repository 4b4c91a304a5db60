"""The command line as a person or a program meets it: output, exit codes, one line for each refusal."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ecg2lab_command, refused, succeeded

DATA = Path(__file__).parent.parent / "data"
RECORD = str(DATA / "HR06000.hea")


def test_the_demo_answers_for_a_real_ecg_and_writes_three_files(tmp_path):
    out = succeeded(ecg2lab_command("demo", "--out", tmp_path / "out"))
    assert "SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE" in out
    assert max(map(len, out.splitlines())) <= 80 or "wrote" in max(out.splitlines(), key=len)
    html = (tmp_path / "out" / "report.html").read_text()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (tmp_path / "out" / "ecg.png").read_bytes().startswith(b"\x89PNG")
    assert "synthetic weights, not for clinical use" in html
    assert report["notice"] == "synthetic weights, not for clinical use"
    for finding in report["findings"]:
        c = finding["criterion"]
        assert c["lab"] in html
        assert c["lab"][:12] in out


def test_the_demos_files_are_its_model_and_its_ecg_and_replace_nothing_of_the_readers(tmp_path):
    import numpy as np

    import ecg2lab
    from ecg2lab.demo import RECORD_CREDIT, bundle_path, record_path

    for _ in range(2):  # the same files may be written again
        out = succeeded(ecg2lab_command("demo", "--files", tmp_path))
        assert out.splitlines() == [
            f"wrote {tmp_path / name}" for name in ("model.ecg2lab", "record.hea", "record.mat")
        ]
    assert (tmp_path / "model.ecg2lab").read_bytes() == bundle_path().read_bytes()
    ours, packaged = ecg2lab.read(tmp_path / "record.hea"), ecg2lab.read(record_path())
    np.testing.assert_array_equal(ours.samples, packaged.samples)
    assert ours.subject.given() == packaged.subject.given() == {"age": 46, "sex": "female"}
    assert RECORD_CREDIT in (tmp_path / "record.hea").read_text()
    (tmp_path / "record.mat").write_bytes(b"mine")
    assert "record.mat is another file" in refused(ecg2lab_command("demo", "--files", tmp_path))
    assert (tmp_path / "record.mat").read_bytes() == b"mine"


def test_predict_with_a_contract_says_what_it_imputed(bundle):
    out = succeeded(ecg2lab_command("predict", bundle, RECORD, "--age", 63, "--sex", "female", "--json"))
    answer = json.loads(out)
    assert out.count("\n") == 1
    assert "systolic_mmhg" in answer["patient"]["imputed"]
    assert "age" not in answer["patient"]["imputed"]
    assert len(answer["findings"]) == 10
    assert answer["record"] == RECORD


@pytest.mark.slow
def test_json_of_many_records_is_one_line_each_and_a_refusal_does_not_stop_the_others(bundle):
    result = ecg2lab_command("predict", bundle, RECORD, "nowhere.hea", RECORD, "--json")
    assert "RecordingError" in refused(result)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [("findings" in line, "error" in line) for line in lines] == [(True, False), (False, True), (True, False)]
    assert lines[1]["error"]["type"] == "RecordingError"


@pytest.mark.slow
def test_no_answer_ever_overwrites_another(bundle, tmp_path):
    for name in ("s1/a", "s1/a-2", "s2/A"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy(DATA / "HR06000.hea", target.with_name(target.name + ".hea"))
        shutil.copy(DATA / "HR06000.mat", target.parent)
    records = [tmp_path / f"{name}.hea" for name in ("s1/a", "s1/a-2", "s2/A")]
    succeeded(ecg2lab_command("predict", bundle, *records, "--format", "json", "--out", tmp_path / "out"))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["A-3.json", "a-2.json", "a.json"]


@pytest.mark.slow
@pytest.mark.parametrize("record", [".", "/"])
def test_a_folder_is_refused_and_the_other_records_are_answered(bundle, record):
    result = ecg2lab_command("predict", bundle, record, RECORD, "--json")
    assert "is a folder" in refused(result)
    assert ["error" in json.loads(line) for line in result.stdout.splitlines()] == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_lacks_letters_still_gets_the_answer(bundle, encoding, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    succeeded(ecg2lab_command("predict", bundle, RECORD))
    succeeded(ecg2lab_command("inspect", bundle))


@pytest.mark.slow
def test_two_records_of_one_name_do_not_overwrite_each_other(bundle, tmp_path):
    succeeded(ecg2lab_command("predict", bundle, RECORD, RECORD, "--format", "json", "--out", tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["HR06000-2.json", "HR06000.json"]


@pytest.mark.slow
def test_html_goes_to_a_file(bundle, tmp_path):
    succeeded(ecg2lab_command("predict", bundle, RECORD, "--format", "html", "--out", tmp_path))
    assert "<svg" in (tmp_path / "HR06000.html").read_text()


@pytest.mark.slow
def test_a_single_target_may_be_wanted(bundle, contract):
    name = contract.targets[2].name
    out = succeeded(ecg2lab_command("predict", bundle, RECORD, "--target", name, "--json"))
    assert [finding["target"] for finding in json.loads(out)["findings"]] == [name]


def test_inspect_as_json_has_manifest_and_proof(bundle):
    described = json.loads(succeeded(ecg2lab_command("inspect", bundle, "--json")))
    assert described["manifest"]["synthetic_weights"] is True
    assert all(check["error"] <= check["tolerance"] for check in described["parity"]["checks"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "BUNDLE", "nowhere.hea"), "RecordingError: there is no recording at nowhere.hea"),
        (("predict", "nowhere.ecg2lab", RECORD), "BundleError: there is no bundle at nowhere.ecg2lab"),
        (("predict", RECORD, RECORD), "is not an ecg2lab bundle"),
        (("predict", "BUNDLE", RECORD, "--target", "potasium"), "ContractError: unknown target 'potasium'"),
        (("predict", "BUNDLE", RECORD, "--age", "7"), "PatientError: "),
        (("predict", "BUNDLE", RECORD, "--backend", "quantum"), "BackendError: unknown backend"),
        (("predict", "BUNDLE", RECORD, "--patient", "nowhere.json"), "PatientError: cannot read"),
        (("predict", "BUNDLE", str(DATA / "100_3chan.hea")), "missing leads: V1"),
        (("inspect", RECORD), "is not an ecg2lab bundle"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_1(bundle, tmp_path, arguments, message):
    arguments = [bundle if a == "BUNDLE" else a for a in arguments]
    assert message in refused(ecg2lab_command(*arguments, cwd=tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("predict",),
        ("predict", "b", "r", "--sex", "f"),
        ("predict", "b", "r", "--age", "old"),
        ("predict", "b", "r", "--format", "html"),
        ("predict", "b", "r", "--patient", "p.json", "--age", "3"),
        ("export", "x.ckpt"),
    ],
)
def test_misuse_is_exit_code_2(arguments):
    result = ecg2lab_command(*arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["demo", "predict", "inspect", "selftest", "export", "simulate", "train", "bench"])
def test_every_verb_has_help_with_an_example(verb):
    out = succeeded(ecg2lab_command(verb, "--help"))
    assert f"ecg2lab {verb}" in out


def test_version_is_printed():
    assert succeeded(ecg2lab_command("--version")).startswith("ecg2lab 0.")


@pytest.mark.slow
def test_the_runtime_leaves_nothing_in_the_users_home(bundle, tmp_path, monkeypatch):
    """ONNX Runtime 1.32 writes a device identifier for its telemetry at import, unless told not to."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    succeeded(ecg2lab_command("predict", bundle, RECORD, "--json"))
    assert [p for p in tmp_path.rglob("*") if p.is_file() and "onnx" in str(p).lower()] == []


@pytest.mark.slow
@pytest.mark.parametrize("facts", [("--height-cm", "1e-200", "--weight-kg", "70"), ("--height-cm", "1.75")])
def test_a_height_in_metres_is_refused(bundle, facts):
    assert "height_cm is outside 60 to 400 cm" in refused(ecg2lab_command("predict", bundle, RECORD, *facts))


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_full_disk_is_one_line(bundle):
    command = [sys.executable, "-m", "ecg2lab", "predict", str(bundle), RECORD, "--json"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert result.returncode == 1
    assert result.stderr == "error: cannot read or write: No space left on device\n"


@pytest.mark.slow
def test_names_that_are_no_text_and_too_long_names_are_refused(bundle):
    assert "RecordingError" in refused(ecg2lab_command("predict", bundle, "bad\udcff.hea", "--json"))
    assert "RecordingError" in refused(ecg2lab_command("predict", bundle, "x" * 300))
