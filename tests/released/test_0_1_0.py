"""What 0.1.0 made and said holds: its bundles open and answer alike, its JSON and FHIR are read as before.

Everything that is no figure is the same to the letter. A figure may differ as the bundle's own proof lets a logit
differ (2e-5 in fp32, since CPUs and backends sum in other orders), which moves a probability by at most a quarter.
"""

import json
import zipfile

import jsonschema
import numpy as np
import pytest
from old_answers import (
    COMMANDS,
    DATA,
    FULL,
    REDUCED,
    RELEASED,
    ask,
    golden,
    golden_logits,
    in_plain_cpp,
    require_agreement,
)

RELEASE = RELEASED / "0.1.0"
BACKENDS = ("native", "onnxruntime", "torch")


@pytest.fixture(autouse=True)
def in_data(monkeypatch):
    """Answers name records as they were named."""
    monkeypatch.chdir(DATA)


@pytest.fixture
def plain_cpp(monkeypatch):
    """`plain_cpp(name)`: 8-bit products in plain C++, on any CPU: that is how 0.1.0's were recorded."""

    def change(name):
        if name == "int8":
            monkeypatch.setattr("ecg2lab.backends.native.make_engine", in_plain_cpp())
            monkeypatch.setattr("ecg2lab.backends.native.computes", lambda precision: True)

    return change


def bundle(name):
    return RELEASE / f"{name}.ecg2lab"


def recorded(name):
    """Answers by command, and the logits with the backend that computed them."""
    lines = [json.loads(line) for line in (RELEASE / "answers" / f"{name}.jsonl").read_text().splitlines()]
    return {line["command"]: line for line in lines[:-1]}, lines[-1]


def logit_limit(name):
    """That the proof in the bundle grants."""
    with zipfile.ZipFile(bundle(name)) as archive:
        checks = json.loads(archive.read("parity.json"))["checks"]
    return max(check["tolerance"] for check in checks if check["quantity"] == "logits")


def require_same(name, command, backend):
    old = recorded(name)[0][command]
    new = ask(bundle(name), RELEASE, command, backend)
    require_agreement(old, {"command": command, **new}, logit_limit(name) / 4)


@pytest.mark.parametrize(
    ("name", "command"),
    [*((name, command) for name in FULL for command in COMMANDS), *((name, "predict") for name in REDUCED)],
)
def test_every_command_says_what_it_said(name, command, plain_cpp):
    plain_cpp(name)
    require_same(name, command, recorded(name)[1]["backend"])


@pytest.mark.parametrize("backend", ["onnxruntime", "torch"])
@pytest.mark.parametrize("name", FULL)
def test_every_other_backend_gives_the_answer(name, backend):
    require_same(name, "predict", backend)


@pytest.mark.parametrize(
    ("name", "backend"), [*((name, backend) for name in FULL for backend in BACKENDS), ("fp16", "onnxruntime"),
                          ("bf16", "onnxruntime"), ("int8", "native"), ("int8", "onnxruntime")]
)  # fmt: skip
def test_the_network_computes_what_it_computed(name, backend, plain_cpp, computable):
    if backend == "onnxruntime":
        computable(name if name in REDUCED else "fp32")
    else:
        plain_cpp(name)
    logits, limit = golden_logits(bundle(name), backend), logit_limit(name)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, recorded(name)[1]["logits"], rtol=0, atol=limit)
    np.testing.assert_allclose(logits, golden(bundle(name))["logits"], rtol=0, atol=limit)


@pytest.mark.parametrize("name", [*FULL, *REDUCED])
def test_the_selftest_passes(name, computable):
    from ecg2lab import selftest
    from ecg2lab.bundle import Bundle

    computable(name if name in REDUCED else "fp32")
    assert selftest.run(Bundle.open(bundle(name))).passed


@pytest.mark.parametrize("command", ["predict", "impute", "refuse"])
@pytest.mark.parametrize("name", FULL)
def test_todays_answers_are_of_the_published_schema_but_for_its_version(name, command):
    schema = json.loads((RELEASE / "prediction.schema.json").read_text())
    for answer in ask(bundle(name), RELEASE, command, "native")["answers"]:
        assert answer.pop("schema_version", None) in (2, None)
        jsonschema.validate(answer, schema)


@pytest.mark.parametrize("change", ["another word", "another type", "a key less", "another order", "a figure"])
def test_a_change_would_be_noticed(change):
    old = {"a": 1, "b": {"c": 0.5, "d": "x"}, "e": [1, 2]}
    new = {
        "another word": {**old, "b": {"c": 0.5, "d": "y"}},
        "another type": {**old, "a": 1.0},
        "a key less": {"a": 1, "b": {"c": 0.5}, "e": [1, 2]},
        "another order": {"b": old["b"], "a": 1, "e": [1, 2]},
        "a figure": {**old, "b": {"c": 0.50001, "d": "x"}},
    }[change]
    with pytest.raises(AssertionError):
        require_agreement(old, new, 5e-6)
    require_agreement(old, {**old, "new": None, "b": {"new": 1, **old["b"]}}, 5e-6)
