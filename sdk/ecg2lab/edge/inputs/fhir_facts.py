"""What FHIR R4 resources say of patients: an Observation, or a Bundle of Observations and Patients."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ecg2lab.edge.config import Facts
from ecg2lab.edge.facts import moments
from ecg2lab.edge.facts.matching import BIRTH, SEX, Fact, Number, Statement
from ecg2lab.edge.vital_signs import QUANTITIES, Unsuitable, coded, field_of, measured
from ecg2lab.errors import PatientError
from ecg2lab.readers import subject
from ecg2lab.system.strict_json import refuse_repeated_keys

_OBSERVATION, _PATIENT = "FHIR Observation", "FHIR Patient"
_UCUM = ("", "http://unitsofmeasure.org")
_TAKEN = ("final", "amended", "corrected", "preliminary")
_WITHDRAWN = ("entered-in-error", "cancelled")
_NUMBER_TYPES = ("", "MR", "MRN", "MRT", "PI", "PT")
_LONGEST_NUMBER = 200
_MOST_ENTRIES = 10_000


class _Coding(Struct, frozen=True):
    code: str = ""
    system: str = ""


class _Concept(Struct, frozen=True):
    coding: list[_Coding] = []


class _Identifier(Struct, frozen=True):
    value: str = ""
    system: str = ""
    type: _Concept = _Concept()


class _Reference(Struct, frozen=True):
    reference: str = ""
    identifier: _Identifier | None = None


class _Quantity(Struct, frozen=True):
    value: float | None = None
    unit: str = ""
    code: str = ""
    system: str = ""
    comparator: str = ""


class _Component(Struct, frozen=True, rename="camel"):
    code: _Concept = _Concept()
    value_quantity: _Quantity | None = None


class _Person(Struct, frozen=True, rename="camel"):
    id: str = ""
    identifier: list[_Identifier] = []
    birth_date: str = ""
    gender: str = ""


class _Observation(Struct, frozen=True, rename="camel"):
    status: str = ""
    code: _Concept = _Concept()
    subject: _Reference = _Reference()
    effective_date_time: str = ""
    effective_instant: str = ""
    value_quantity: _Quantity | None = None
    component: list[_Component] = []
    contained: list[dict[str, Any]] = []


class Entry(NamedTuple):
    """What became of one resource."""

    number: int
    """Within the bundle, from 0."""
    kept: int
    withdrawn: int
    problems: tuple[str, ...]
    """Why something of it was not kept."""


class Understood(NamedTuple):
    """What a request says."""

    statements: list[Statement]
    entries: list[Entry]


def understand(content: bytes, told: Facts) -> Understood:
    """Read a request.

    Raises
    ------
    PatientError
        If it is neither an Observation nor a Bundle.
    """
    try:
        resource = msgspec.json.decode(content, type=dict[str, Any])
        refuse_repeated_keys(content)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise PatientError("it is no resource of FHIR in JSON, or one with a repeated key") from None
    if resource.get("resourceType") == "Observation":
        resources = [(resource, "")]
    elif resource.get("resourceType") == "Bundle":
        resources = _entries(resource)
    else:
        raise PatientError("it is neither an Observation nor a Bundle")
    people = _people(resources)
    understood = Understood([], [])
    for number, (each, _) in enumerate(resources):
        statement, problems = _statement(each, people, told)
        if statement is not None:
            understood.statements.append(statement)
        counts = (0, 0) if statement is None else (len(statement.facts), len(statement.withdrawn))
        understood.entries.append(Entry(number, *counts, tuple(problems)))
    return understood


def _entries(bundle: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Resources with their names."""
    entries = bundle.get("entry", [])
    if not isinstance(entries, list) or len(entries) > _MOST_ENTRIES:
        raise PatientError(f"entry must be a list of {_MOST_ENTRIES} resources at most")
    found = []
    for entry in entries:
        known = entry if isinstance(entry, dict) else {}
        resource, name = known.get("resource"), known.get("fullUrl")
        found.append((resource if isinstance(resource, dict) else {}, name if isinstance(name, str) else ""))
    return found


def _people(resources: list[tuple[dict[str, Any], str]]) -> dict[str, _Person]:
    """The patients of a bundle, by what observations call them."""
    found: dict[str, _Person] = {}
    for resource, name in resources:
        if resource.get("resourceType") == "Patient":
            try:
                person = msgspec.convert(resource, _Person)
            except (msgspec.ValidationError, RecursionError):
                continue
            for reference in (name, f"Patient/{person.id}" if person.id else ""):
                if reference:
                    found[reference] = person
    return found


def _statement(resource: dict[str, Any], people: dict[str, _Person], told: Facts) -> tuple[Statement | None, list[str]]:
    """What one resource says, and why not more."""
    kind = resource.get("resourceType")
    try:
        if kind == "Patient":
            return _of_person(msgspec.convert(resource, _Person), told), []
        if kind == "Observation":
            return _of_observation(msgspec.convert(resource, _Observation), people, told)
    except Unsuitable as reason:
        return None, [str(reason)]
    except (msgspec.ValidationError, RecursionError):
        return None, ["an element has a wrong type"]
    return None, ["it is neither an Observation nor a Patient"]


def _of_person(person: _Person, told: Facts) -> Statement:
    facts = []
    birth, sex = subject.day(person.birth_date), subject.sex(person.gender)
    if birth is not None:
        facts.append(Fact(BIRTH, 0.0, f"{birth:%Y%m%d}"))
    if sex is not None:
        facts.append(Fact(SEX, 0.0, sex))
    return Statement(_numbers(person.identifier, told), _PATIENT, tuple(facts))


def _of_observation(observation: _Observation, people: dict[str, _Person], told: Facts) -> tuple[Statement, list[str]]:
    withdrawn = observation.status in _WITHDRAWN
    if not withdrawn and observation.status not in _TAKEN:
        raise Unsuitable("its status is none by which it is taken")
    numbers = _numbers(_identifiers(observation, people), told)
    facts: list[Fact] = []
    problems: list[str] = []
    parts = [
        (observation.code, observation.value_quantity),
        *((c.code, c.value_quantity) for c in observation.component),
    ]
    known = 0
    for concept, quantity in parts:
        meant = coded([(coding.code, coding.system) for coding in concept.coding], told.codes)
        if meant is None:
            continue
        known += 1
        try:
            name, value = (field_of(meant), 0.0) if withdrawn else measured(meant, *_quantity(quantity))
            facts.append(Fact(name, _time(observation, name, told), value))
        except Unsuitable as reason:
            problems.append(str(reason))
    if not known:
        raise Unsuitable("its code is none of a fact")
    if withdrawn:
        return Statement(numbers, _OBSERVATION, (), tuple((fact.name, fact.at) for fact in facts)), problems
    return Statement(numbers, _OBSERVATION, tuple(facts)), problems


def _quantity(quantity: _Quantity | None) -> tuple[float, list[str]]:
    if quantity is None or quantity.value is None:
        raise Unsuitable("it has no valueQuantity")
    if quantity.comparator:
        raise Unsuitable("its value is no single number")
    coded_unit = quantity.code if quantity.system in _UCUM else ""
    return quantity.value, [coded_unit] if coded_unit else [quantity.unit]


def _time(observation: _Observation, name: str, told: Facts) -> float:
    moment = moments.of_fhir(observation.effective_instant or observation.effective_date_time, told.zone)
    if moment is not None and moment.at is None and moment.day is not None and QUANTITIES[name].kind == "body":
        moment = moments.end_of(moment.day, told.zone)
    if moment is None:
        raise Unsuitable("it has no effectiveDateTime or effectiveInstant with a time zone")
    if moment.at is None:
        raise Unsuitable(moment.why)
    return moment.at


def _identifiers(observation: _Observation, people: dict[str, _Person]) -> list[_Identifier]:
    """Of the patient: in place, or of the Patient that came with it. The name of a resource is no patient number."""
    reference = observation.subject
    if reference.identifier is not None:
        return [reference.identifier]
    contained = [each for each in observation.contained if each.get("resourceType") == "Patient"]
    inside = {f"#{each.get('id')}": each for each in contained}
    if reference.reference in inside:
        return msgspec.convert(inside[reference.reference], _Person).identifier
    if reference.reference in people:
        return people[reference.reference].identifier
    if reference.reference:
        raise Unsuitable("its subject did not come with it: send subject.identifier, or the Patient in the same Bundle")
    raise Unsuitable("it has no subject")


def _numbers(identifiers: list[_Identifier], told: Facts) -> tuple[Number, ...]:
    found = []
    for identifier in identifiers:
        value, types = identifier.value.strip(), [coding.code for coding in identifier.type.coding] or [""]
        usual = value and len(value) <= _LONGEST_NUMBER and value.isprintable()
        if usual and any(kind in _NUMBER_TYPES for kind in types):
            system = identifier.system.strip()
            found.append(Number(value, told.authorities.get(system, system)))
    if not found:
        raise Unsuitable("its patient has no number")
    return tuple(dict.fromkeys(found))
