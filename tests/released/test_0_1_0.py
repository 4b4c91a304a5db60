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
    ANSWER_VERSION,
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
def test_todays_answers_are_of_the_published_schema(name, command):
    """But for their version: version 2 has every key of version 1 with its type, and more."""
    schema = json.loads((RELEASE / "prediction.schema.json").read_text())
    for answer in ask(bundle(name), RELEASE, command, "native")["answers"]:
        assert answer["schema_version"] == ANSWER_VERSION
        jsonschema.validate(answer | {"schema_version": 1}, schema)


@pytest.mark.parametrize("name", FULL)
def test_a_bundle_of_then_is_decided_as_then_and_its_operating_point_is_unknown(name):
    """Its thresholds were never measured: an answer names them, and claims nothing of them."""
    then = recorded(name)[0]["predict"]["answers"]
    for old, new in zip(then, ask(bundle(name), RELEASE, "predict", "native")["answers"], strict=True):
        for former, finding in zip(old.get("findings", []), new.get("findings", []), strict=True):
            assert finding["detected"] == former["detected"]
            assert finding["decision_threshold"] == former["decision_threshold"]
            word = {True: "flagged", False: "not flagged", None: "no decision"}[former["detected"]]
            assert finding["verdict"] == word
            assert (finding["reason"] is None) == (word != "no decision")
            claims = [finding[key] for key in ("base_rate", "ratio", "rule", "operating_point")]
            assert claims == [None] * 4


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


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, ANSWER_VERSION)])
def test_an_answer_may_be_of_todays_version(old, new):
    answers = [{"answers": [{"schema_version": version}]} for version in (old, new)]
    require_agreement(*answers, 0)
    for version in (0, ANSWER_VERSION + 1, "2", None):
        with pytest.raises(AssertionError):
            require_agreement(answers[0], {"answers": [{"schema_version": version}]}, 0)
    with pytest.raises(AssertionError):
        require_agreement({"contract": answers[0]}, {"contract": {"answers": [{"schema_version": ANSWER_VERSION}]}}, 0)
