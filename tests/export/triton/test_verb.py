"""`ecg2lab triton` as a person or a program meets it."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ecg2lab.cli import app
from ecg2lab.errors import BundleError
from ecg2lab_export.triton import cli
from ecg2lab_export.triton.settings import Settings


@pytest.fixture
def verb():
    """Run the verb in this process; refusals come out as their exceptions."""
    if "triton" not in {command.name for command in app.registered_commands}:
        cli.register(app)

    def run(*arguments):
        return CliRunner().invoke(app, ["triton", *map(str, arguments)], env={"COLUMNS": "80", "NO_COLOR": "1"})

    return run


def test_the_verb_takes_the_name_from_the_file_and_says_what_it_wrote(verb, path, tmp_path):
    result = verb(path, "--out", tmp_path / "repo", "--tensorrt", "--instances", 2)
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "repo").iterdir()) == ["ward-7", "ward-7_tensorrt"]
    assert str(tmp_path / "repo" / "ward-7" / "README.md") in result.output
    assert "SYNTHETIC WEIGHTS, NOT FOR CLINICAL USE" in result.output


def test_the_verb_speaks_json(verb, path, bundle, tmp_path):
    result = verb(path, "--out", tmp_path / "repo", "--name", "labs", "--json")
    told = json.loads(result.stdout)
    assert told["models"] == ["labs"]
    assert told["bundle_digest"] == bundle.digest
    assert told["notice"] == "synthetic weights, not for clinical use"


@pytest.mark.parametrize(
    "misuse", [("--max-batch", 0), ("--instances", 0), ("--device", "tpu"), ("--queue-delay-us", -1)]
)
def test_misuse_is_exit_code_2(verb, path, tmp_path, misuse):
    assert verb(path, "--out", tmp_path / "repo", *misuse).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_what_is_no_bundle_is_refused(verb, tmp_path):
    (tmp_path / "x.ecg2lab").write_bytes(b"no")
    for source in (tmp_path / "x.ecg2lab", tmp_path / "absent.ecg2lab"):
        result = verb(source, "--out", tmp_path / "repo")
        assert isinstance(result.exception, BundleError)
    assert [p.name for p in tmp_path.iterdir()] == ["x.ecg2lab"]


@given(st.text(string.printable, min_size=1, max_size=60))
def test_any_file_name_gives_a_name(stem):
    from pathlib import PurePosixPath

    Settings(name=cli.default_name(PurePosixPath(stem)))


def test_the_readme_says_how_to_serve_and_what_is_computed(bundle, tmp_path, written):
    written(bundle, tmp_path, tensorrt=True, engine_cache="/var/engines", instances=2)
    plain, tensorrt = ((tmp_path / name / "README.md").read_text() for name in ("m", "m_tensorrt"))
    assert "logits and features of preprocessed windows" in plain
    assert "--load-model=m\n" in plain
    assert "--gpus" not in plain
    assert "--load-model=m_tensorrt\n" in tensorrt
    assert "-v ecg2lab-engines:/var/engines" in tensorrt
    assert "NVIDIA_TF32_OVERRIDE=0" in tensorrt
    for text in (plain, tensorrt):
        assert "Synthetic weights, not for clinical use" in text
        assert bundle.digest in text
        assert "{" not in text
