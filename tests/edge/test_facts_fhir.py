"""Facts in FHIR, posted to a node."""

import copy
import json
import random

import pytest
from fhir.resources.R4B.observation import Observation
from litestar.testing import TestClient

from ecg2lab.edge import config
from ecg2lab.edge.inputs.http import application

FHIR = "application/fhir+json"
AT = "2026-11-30T15:00:00+01:00"
UCUM = "http://unitsofmeasure.org"


def concept(code, system="http://loinc.org"):
    return {"coding": [{"system": system, "code": code}]}


def quantity(value, code, system=UCUM):
    return {"value": value, "unit": code, "system": system, "code": code}


def observation(code="8867-4", value=81, unit="/min", **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": code if isinstance(code, dict) else concept(code),
        "subject": {"identifier": {"system": "urn:oid:1.2.3", "value": "7"}},
        "effectiveDateTime": AT,
        "valueQuantity": quantity(value, unit),
        **more,
    }


def pressure(**more):
    """As vital signs of FHIR have it: a panel with two components."""
    parts = [("8480-6", 131), ("8462-4", 72)]
    panel = observation("85354-9", component=[
        {"code": concept(code), "valueQuantity": quantity(value, "mm[Hg]")} for code, value in parts
    ], **more)  # fmt: skip
    del panel["valueQuantity"]
    return panel


def patient(**more):
    return {
        "resourceType": "Patient",
        "id": "p1",
        "identifier": [{"system": "urn:oid:1.2.3", "value": "7"}],
        "birthDate": "1963-04-12",
        "gender": "female",
        **more,
    }


def bundle(*resources):
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": f"urn:uuid:{number}", "resource": each} for number, each in enumerate(resources)],
    }


def without(resource, *names):
    return {name: value for name, value in copy.deepcopy(resource).items() if name not in names}


@pytest.fixture
def node(opened):
    return opened(start=False, facts={"zone": "Europe/Berlin", "codes": {"HR": "heart_rate_bpm", "T": "temperature_f"}})


@pytest.fixture
def client(node):
    with TestClient(application(node), base_url="http://127.0.0.1") as client:
        yield client


def post(client, content, kind=FHIR):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return client.post("/v1/facts", content=body, headers={"content-type": kind})


def held(node, number="7"):
    return {each.fact.name: each.fact.value for each in node.ledger.facts.of(number)}


@pytest.mark.parametrize("kind", [FHIR, "application/json", f"{FHIR}; charset=utf-8"])
def test_an_observation_is_kept(client, node, kind):
    Observation.model_validate(observation())  # as other people's model of FHIR has it
    answer = post(client, observation(), kind)
    assert (answer.status_code, answer.json()) == (200, {"kept": 1, "withdrawn": 0, "not_kept": []})
    (each,) = node.ledger.facts.of("7")
    assert (each.authority, each.origin, each.fact.name, each.fact.value) == (
        "urn:oid:1.2.3", "FHIR Observation", "heart_rate_bpm", 81,
    )  # fmt: skip


def test_a_panel_is_kept_by_its_components(client, node):
    Observation.model_validate(pressure())
    assert post(client, pressure()).json()["kept"] == 2
    assert held(node) == {"systolic_mmhg": 131, "diastolic_mmhg": 72}


@pytest.mark.parametrize(
    ("code", "value", "unit", "kept"),
    [
        ("8310-5", 98.6, "[degF]", ("temperature_c", 37)), ("8310-5", 37, "Cel", ("temperature_c", 37)),
        ("29463-7", 180, "[lb_av]", ("weight_kg", 81.646627)), ("8302-2", 1.75, "m", ("height_cm", 175)),
        ("8302-2", 70, "[in_i]", ("height_cm", 177.8)), ("59408-5", 97, "%", ("spo2_percent", 97)),
        ("9279-1", 18, "/min", ("respiratory_per_min", 18)), ("39156-5", 27.5, "kg/m2", ("bmi", 27.5)),
    ],
)  # fmt: skip
def test_units_of_ucum_are_converted(client, node, code, value, unit, kept):
    post(client, observation(code, value, unit))
    assert held(node) == {kept[0]: pytest.approx(kept[1])}


@pytest.mark.parametrize(
    "subject",
    [
        {"identifier": {"value": " 7 "}},
        {"identifier": {"value": "7", "type": concept("MR", "http://terminology.hl7.org/CodeSystem/v2-0203")}},
        {"reference": "urn:uuid:1"},
        {"reference": "Patient/p1"},
    ],
)
def test_the_patient_is_named_by_number_or_comes_with_it(client, node, subject):
    answer = post(client, bundle(observation(subject=subject), patient()))
    assert answer.json()["not_kept"] == []
    assert held(node) == {"heart_rate_bpm": 81, "birth": "19630412", "sex": "female"}
    assert {each.origin for each in node.ledger.facts.of("7")} == {"FHIR Observation", "FHIR Patient"}


def test_the_patient_may_be_contained(client, node):
    assert post(client, observation(contained=[patient()], subject={"reference": "#p1"})).json()["kept"] == 1
    assert held(node) == {"heart_rate_bpm": 81}


def test_a_bundle_is_kept_as_far_as_it_can_be(client, node):
    other = observation("2823-3", 5.9, "mmol/L")
    answer = post(client, bundle(observation(), other, pressure(), observation("8310-5", 37, "[degF]"), {}))
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "kept": 3,
            "withdrawn": 0,
            "not_kept": [
                {"entry": 1, "why": ["its code is none of a fact"]},
                {"entry": 3, "why": ["its value cannot be, in this unit"]},
                {"entry": 4, "why": ["it is neither an Observation nor a Patient"]},
            ],
        },
    )
    assert len(held(node)) == 3


NO_TIME = "it has no effectiveDateTime or effectiveInstant with a time zone"
NOT_KEPT = {
    "no status": (without(observation(), "status"), "its status is none by which it is taken"),
    "registered": (observation(status="registered"), "its status is none by which it is taken"),
    "unknown": (observation(status="unknown"), "its status is none by which it is taken"),
    "no code": (without(observation(), "code"), "its code is none of a fact"),
    "a code of another system": (observation(code=concept("8867-4", "urn:x")), "its code is none of a fact"),
    "no value": (without(observation(), "valueQuantity"), "it has no valueQuantity"),
    "absent": (observation(valueQuantity={"unit": "/min"}), "it has no valueQuantity"),
    "less than": (
        observation(valueQuantity={**quantity(81, "/min"), "comparator": "<"}), "its value is no single number",
    ),
    "no unit": (observation(valueQuantity={"value": 81}), "it states no unit"),
    "another unit": (observation(unit="kg"), "its unit is not one of this quantity"),
    "it cannot be": (observation(value=8100), "its value cannot be, in this unit"),
    "a text": (observation(valueQuantity=quantity("81", "/min")), "an element has a wrong type"),
    "a truth": (observation(valueQuantity=quantity(True, "/min")), "an element has a wrong type"),
    "no time": (without(observation(), "effectiveDateTime"), NO_TIME),
    "a day": (observation(effectiveDateTime="2026-11-30"), "no time of day is stated"),
    "a year": (observation(effectiveDateTime="2026"), NO_TIME),
    "a period": (
        {**without(observation(), "effectiveDateTime"), "effectivePeriod": {"start": AT, "end": AT}},
        NO_TIME,
    ),
    "no zone": (
        observation(effectiveDateTime="2026-11-30T15:00:00"),
        NO_TIME,
    ),
    "no subject": (without(observation(), "subject"), "it has no subject"),
    "a subject elsewhere": (observation(subject={"reference": "Patient/7"}), "its subject did not come with it"),
    "a subject without number": (observation(subject={"identifier": {"system": "urn:x"}}), "its patient has no number"),
    "a number of the state": (
        observation(subject={"identifier": {"value": "7", "type": concept("SS")}}), "its patient has no number",
    ),
    "a name": (observation(subject={"display": "Eva Müller"}), "it has no subject"),
    "a number that is none": (observation(subject={"identifier": {"value": 7}}), "an element has a wrong type"),
}  # fmt: skip


@pytest.mark.parametrize(("resource", "why"), NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_is_not_kept_is_said(client, node, resource, why):
    answer = post(client, resource)
    assert answer.status_code == 422
    (problem,) = answer.json()["not_kept"]
    assert problem["why"][0].startswith(why)
    assert node.ledger.facts.count() == 0
    assert "ller" not in answer.text


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled"])
@pytest.mark.parametrize("resource", [observation, pressure])
def test_what_was_entered_in_error_is_taken_back(client, node, status, resource):
    kept = post(client, resource()).json()["kept"]
    answer = post(client, resource(status=status))
    assert (answer.status_code, answer.json()["withdrawn"]) == (200, kept)
    assert held(node) == {}


def test_amended_values_replace_the_old(client, node):
    post(client, observation(value=181))
    post(client, observation(status="amended"))
    assert held(node) == {"heart_rate_bpm": 81}


def test_height_may_be_of_a_day(client, node):
    assert post(client, observation("8302-2", 175, "cm", effectiveDateTime="2026-11-30")).json()["kept"] == 1


@pytest.mark.parametrize("value", ["2026-11-30T15:00:00+01:00", "2026-11-30T14:00:00Z", "2026-11-30T14:00:00.123Z"])
@pytest.mark.parametrize("name", ["effectiveDateTime", "effectiveInstant"])
def test_times_are_read_as_fhir_writes_them(client, node, value, name):
    post(client, {**without(observation(), "effectiveDateTime"), name: value})
    (each,) = node.ledger.facts.of("7")
    assert each.fact.at == 1796047200.0


def test_own_codes_are_those_of_hl7(client, node):
    resources = [
        observation(code=concept("HR", "urn:x")),
        observation(code=concept("T"), valueQuantity={"value": 98.6}),
    ]
    assert post(client, bundle(*resources)).json()["kept"] == 2
    assert held(node) == {"heart_rate_bpm": 81, "temperature_c": pytest.approx(37)}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"resourceType": "Patient"}', b"\xff", b'{"resourceType": 7}',
        b'{"resourceType": "Bundle", "entry": 7}', b"[" * 100_000, b'{"resourceType":' * 5000,
        b'{"resourceType": "Observation", "resourceType": "Bundle"}', b"<Observation/>",
    ],
)  # fmt: skip
def test_what_is_no_fhir_is_refused(client, node, content):
    answer = post(client, content)
    assert answer.status_code == 422
    assert answer.json()["error"]["type"] == "PatientError"


def test_another_type_is_refused(client):
    assert post(client, observation(), "text/xml").status_code == 415


def test_a_body_too_large_is_refused(opened):
    node = opened(start=False, limits={"body_mb": 0.01, "least_free_mb": 0})
    with TestClient(application(node), base_url="http://127.0.0.1") as client:
        assert post(client, observation(note=[{"text": "x" * 20_000}])).status_code == 413


def test_a_full_disk_is_said(opened):
    node = opened(start=False, limits={"least_free_mb": 1e9})
    with TestClient(application(node), base_url="http://127.0.0.1") as client:
        assert post(client, observation()).status_code == 503


@pytest.mark.parametrize(("scopes", "status"), [(None, 401), (["send"], 200), (["read", "erase", "watch"], 403)])
def test_it_needs_the_scope_send(opened, scopes, status):
    token, digest = config.new_token()
    tokens = [{"name": "a", "sha256": digest, "scopes": scopes or ["send"]}]
    node = opened(start=False, tokens=tokens)
    headers = {"content-type": FHIR, **({"authorization": f"Bearer {token}"} if scopes else {})}
    with TestClient(application(node), base_url="http://127.0.0.1") as client:
        assert client.post("/v1/facts", json=observation(), headers=headers).status_code == status
    noted = node.ledger._store.read("SELECT who, what, which FROM audit WHERE what LIKE 'kept%'")
    assert [tuple(row) for row in noted] == ([("fhir a", "kept 1 facts", None)] if status == 200 else [])


@pytest.mark.parametrize("seed", range(3))
def test_damaged_resources_are_kept_or_refused(client, seed):
    """At random: types, elements and bytes."""
    chance = random.Random(seed)
    whole = json.dumps(
        bundle(observation(), pressure(), patient(), observation(subject={"reference": "Patient/p1"}))
    ).encode()
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.randint(0, 9)] = chance.choice(
                [b"null", b"7", b"[]", b"{}", b'"', b"\xff", b""]
            )
        assert post(client, bytes(damaged)).status_code in (200, 422)
    for name in observation():
        for value in (None, 7, "x", [], {}, [7], [None], {"coding": 7}, {"coding": [7]}, True):
            assert post(client, {**observation(), name: value}).status_code in (200, 422)
