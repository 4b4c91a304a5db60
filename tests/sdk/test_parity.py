"""`parity.json`: read strictly when a bundle is opened, and only a passed proof of the very bundle counts."""

import json

import msgspec
import pytest

from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError
from ecg2lab.proof import parity


def proof_of(path):
    return json.loads(Bundle.open(path).member("parity.json"))


def test_the_recorded_proof_is_read(bundle):
    report = parity.recorded(Bundle.open(bundle))
    assert report.passed
    assert json.loads(msgspec.json.encode(report)) == proof_of(bundle)


GARBAGE = {
    "empty": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "null": b"null",
    "not UTF-8": b"\xff\xfe",
    "deep": b"[" * 10**5,
    "another object": b'{"checks": []}',
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_by_name(bundle, doctored, content):
    path = doctored(bundle, {"parity.json": content})
    with pytest.raises(BundleError, match=r"doctored\.ecg2lab: parity\.json is malformed"):
        Bundle.open(path)


@pytest.mark.parametrize(
    "change",
    [
        {"checks": []},
        {"checks": None},
        {"unheard_of": 1},
        {"form": 3},
        {"left_out": []},
        {"versions": {"numpy": 2}},
        {"cpu": None},
    ],
    ids=str,
)
def test_a_report_of_another_shape_is_refused(bundle, doctored, change):
    path = doctored(bundle, {"parity.json": json.dumps(proof_of(bundle) | change).encode()})
    with pytest.raises(BundleError, match="malformed"):
        Bundle.open(path)


@pytest.mark.parametrize(
    "change",
    [
        {"error": "0"},
        {"error": None},  # as JSON spells a NaN
        {"tolerance": 0},
        {"tolerance": -1},
        {"quantity": "heat"},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_a_check_of_another_shape_is_refused(bundle, doctored, change):
    report = proof_of(bundle)
    report["checks"][0] |= change
    path = doctored(bundle, {"parity.json": json.dumps(report).encode()})
    with pytest.raises(BundleError, match="malformed"):
        Bundle.open(path)


@pytest.mark.parametrize("spelling", ["NaN", "Infinity", "1e999"])
def test_an_error_that_is_no_finite_number_is_refused(bundle, doctored, spelling):
    report = proof_of(bundle)
    report["checks"][0]["error"] = "HERE"
    content = json.dumps(report).replace('"HERE"', spelling).encode()
    with pytest.raises(BundleError, match="malformed"):
        Bundle.open(doctored(bundle, {"parity.json": content}))


def test_a_proof_that_was_not_passed_is_no_proof(bundle, doctored):
    report = proof_of(bundle)
    report["checks"][0]["error"] = 1.0
    path = doctored(bundle, {"parity.json": json.dumps(report).encode()})
    with pytest.raises(BundleError, match="no proof of this bundle"):
        Bundle.open(path)


@pytest.mark.parametrize("change", [{"form": "recurrent"}, {"precision": "int8"}], ids=str)
def test_a_proof_of_another_form_or_precision_is_no_proof(bundle, doctored, change):
    path = doctored(bundle, {"parity.json": json.dumps(proof_of(bundle) | change).encode()})
    with pytest.raises(BundleError, match="no proof of this bundle"):
        Bundle.open(path)


def test_the_limit_of_fp32_does_not_come_from_the_file(bundle, doctored):
    """Whoever can write a proof could write a wide limit into it."""
    report = proof_of(bundle)
    for check in report["checks"]:
        check["tolerance"] = 1e9
    path = doctored(bundle, {"parity.json": json.dumps(report).encode()})
    assert parity.tolerances(Bundle.open(path)).logits == parity.LOGIT_TOLERANCE
