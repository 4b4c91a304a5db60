"""What is known of a patient beside the recording, and which of it belongs to an ECG: by number and by time.

Nothing is guessed: where it is not sure whose a fact is or when it was measured, it is not used, and a note says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ecg2lab.contract import Contract
from ecg2lab.edge.config import Facts
from ecg2lab.edge.facts import moments
from ecg2lab.edge.facts.moments import Moment
from ecg2lab.edge.vital_signs import QUANTITIES, Kind
from ecg2lab.patient import Patient, in_words
from ecg2lab.readers.subject import ABOVE_89, age_between, day

BIRTH, SEX = "birth", "sex"
PERSON = (BIRTH, SEX)
_MINUTE_S, _DAY_S = 60.0, 86_400.0
_RECORDING, _SIDECAR, _SENT = "recording", "sidecar", "with the recording"
_WHOSE = (
    "facts are kept under this patient number, but by several authorities, and the recording does not say by which: "
    "none was taken"
)


class Number(NamedTuple):
    """Of a patient, and who gave it; empty: nobody says it."""

    value: str
    authority: str = ""


class Fact(NamedTuple):
    """What somebody says of a patient."""

    name: str
    """A field of `Patient`, or one of `PERSON`."""
    at: float
    """When it was measured, seconds since 1970, UTC; 0 for what does not change."""
    value: float | str
    """In the unit of the field; a birth date as YYYYMMDD."""

    @property
    def kind(self) -> Kind:
        """How long it holds."""
        return "person" if self.name in PERSON else QUANTITIES[self.name].kind


class Statement(NamedTuple):
    """What one message says of one patient."""

    numbers: tuple[Number, ...]
    """All that the patient has."""
    origin: str
    """What answers say of it, such as `HL7 ORU^R01`."""
    facts: tuple[Fact, ...] = ()
    withdrawn: tuple[tuple[str, float], ...] = ()
    """Facts that were wrong, by name and time."""
    forgotten: bool = False
    """Whether everything about the patient is to be erased first."""


class Held(NamedTuple):
    """A fact that the node keeps."""

    authority: str
    fact: Fact
    origin: str
    """Such as `HL7 ORU^R01`."""


class Match(NamedTuple):
    """What is taken for one ECG."""

    facts: dict[str, Any]
    """By field of `Patient`: what neither the sender nor the recording states."""
    origins: dict[str, str]
    """Of every fact, those of sender and recording included."""
    notes: tuple[str, ...]
    """What was not taken, and why."""


def span(told: Facts, source: Mapping[str, Any] | None) -> tuple[float, float] | None:
    """When vital signs may have been measured; None: nobody knows when the ECG was."""
    moment = moments.of_ecg(source, told.zone)
    reach = told.minutes * _MINUTE_S
    return None if moment.at is None else (moment.at - reach, moment.at + reach)


def number_in(source: Mapping[str, Any] | None) -> str:
    """The patient's number as the recording has it, trimmed; empty: it has none."""
    return str((source or {}).get("patient_id") or "").strip()


def origins_of(told: Mapping[str, Any], by: str, subject: Patient | None) -> dict[str, str]:
    """Where each fact comes from that came with a recording; `by` is the input that took it."""
    sent = _SIDECAR if by == "folder" else _SENT
    return {**dict.fromkeys((subject or Patient()).given(), _RECORDING), **dict.fromkeys(told, sent)}


def match(
    held: Sequence[Held], told: Facts, source: Mapping[str, Any] | None, known: Patient, contract: Contract
) -> Match:
    """Which facts belong to an ECG.

    Parameters
    ----------
    held
        All that is kept under the patient's number, of any authority.
    told
        The configuration.
    source
        Of the recording.
    known
        What sender and recording state: it is never replaced.
    contract
        Of the model, beyond whose ranges a number is no measurement.

    Returns
    -------
    Match
        With the origins of what is taken alone.
    """
    own = _of_one_patient(held, told, str((source or {}).get("patient_authority") or "").strip())
    if own is None:
        return Match({}, {}, (_WHOSE,))
    if not own:
        return Match({}, {}, ())
    moment = moments.of_ecg(source, told.zone)
    person = _person(own, moment)
    contradicted = [in_words(name) for name, (value, _) in person.items() if _contradicts(name, value, known)]
    if contradicted:
        said = f"the recording, and what is kept under its patient number, differ in {' and '.join(contradicted)}"
        return Match({}, {}, (f"{said}: nothing kept was taken",))
    taken, notes = _measured(own, told, moment)
    found = _without_repetition({**person, **taken}, known)
    beyond = [name for name, (value, _) in found.items() if _is_beyond(name, value, contract)]
    notes += [f"{in_words(name)} ({found[name][1]}) is outside the model's range and was not taken" for name in beyond]
    used = {name: fact for name, fact in found.items() if name not in beyond}
    values, origins = ({name: fact[part] for name, fact in used.items()} for part in (0, 1))
    return Match(values, origins, tuple(notes))


def _of_one_patient(held: Iterable[Held], told: Facts, stated: str) -> list[Held] | None:
    """None: it is not sure whose they are."""
    by_authority: dict[str, list[Held]] = {}
    for each in held:
        by_authority.setdefault(each.authority, []).append(each)
    if authority := (told.authorities.get(stated, stated) or told.authority):
        return by_authority.get(authority, by_authority.get("", []))
    if len(by_authority) > 1:
        return None
    return next(iter(by_authority.values()), [])


def _person(held: Iterable[Held], moment: Moment) -> dict[str, tuple[Any, str]]:
    """Sex, and the age on the day of the ECG."""
    found: dict[str, tuple[Any, str]] = {}
    for each in held:
        if each.fact.name == SEX:
            found["sex"] = (each.fact.value, each.origin)
        elif each.fact.name == BIRTH:
            age = age_between(day(str(each.fact.value)), moment.day)
            if age is not None:
                found["age"] = (age, f"{each.origin}, from the birth date")
    return found


def _contradicts(name: str, value: Any, known: Patient) -> bool:
    stated = getattr(known, name)
    if stated is None:
        return False
    if name == "age":  # above 89 is a floor
        return bool(abs(min(value, ABOVE_89) - min(stated, ABOVE_89)) > 1)
    return bool(stated != value)


def _measured(held: Sequence[Held], told: Facts, moment: Moment) -> tuple[dict[str, tuple[Any, str]], list[str]]:
    """Of each quantity what was measured nearest in time, and why nothing could be."""
    measured = [each for each in held if each.fact.kind != "person"]
    if moment.at is None:
        why = f"measurements are kept under this patient number, and none was taken: {moment.why}"
        return {}, [why] if measured else []
    nearest: dict[str, Held] = {}
    for each in measured:
        if _is_near(each.fact, told, moment.at):
            best = nearest.get(each.fact.name)
            if best is None or _distance(each.fact, moment.at) < _distance(best.fact, moment.at):
                nearest[each.fact.name] = each
    return {name: (each.fact.value, _said(each, moment.at, told)) for name, each in nearest.items()}, []


def _is_near(fact: Fact, told: Facts, at: float) -> bool:
    if told.mode == "strict" and fact.at > at:
        return False
    return abs(fact.at - at) <= (told.minutes * _MINUTE_S if fact.kind == "vital sign" else told.body_days * _DAY_S)


def _distance(fact: Fact, at: float) -> tuple[float, float]:
    """At the same distance the earlier one is nearer."""
    return abs(fact.at - at), fact.at


def _said(held: Held, at: float, told: Facts) -> str:
    """Origin, time, and how far that is from the ECG."""
    apart = abs(held.fact.at - at)
    if held.fact.kind == "body" and apart >= _DAY_S:
        count, unit = int(apart // _DAY_S), "days" if apart >= 2 * _DAY_S else "day"
    elif apart >= 120 * _MINUTE_S:
        count, unit = int(apart // (60 * _MINUTE_S)), "h"
    elif apart >= _MINUTE_S:
        count, unit = int(apart // _MINUTE_S), "min"
    else:
        count, unit = int(apart), "s"
    when = f"{count} {unit} {'before' if held.fact.at <= at else 'after'}" if apart >= 1 else "at the same time"
    return f"{held.origin} at {moments.in_words(held.fact.at, told.zone)}, {when}"


def _without_repetition(found: Mapping[str, tuple[Any, str]], known: Patient) -> dict[str, tuple[Any, str]]:
    """Without what is known already, in whatever unit, or follows from what is."""
    stated = set(known.given())
    if "temperature_f" in stated:
        stated.add("temperature_c")
    if {"height_cm", "weight_kg"} <= stated | set(found):
        stated.add("bmi")
    return {name: fact for name, fact in found.items() if name not in stated}


def _is_beyond(name: str, value: Any, contract: Contract) -> bool:
    """Whether the model refuses a number as no measurement. An age is: it is the patient, not the measurement."""
    if name in ("age", "sex"):
        return False
    for feature in contract.continuous:
        if feature.name == name:
            return not feature.minimum <= value <= feature.maximum
        if feature.name == "temperature_f" and name == "temperature_c":
            return not feature.minimum <= value * 1.8 + 32 <= feature.maximum
    return False
