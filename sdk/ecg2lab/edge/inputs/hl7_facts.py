"""What an HL7 v2 message says of patients: ADT, and ORU^R01 with vital signs. docs/conformance.md lays it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ecg2lab.edge.config import Facts, Mllp
from ecg2lab.edge.facts import moments
from ecg2lab.edge.facts.matching import BIRTH, SEX, Fact, Number, Statement
from ecg2lab.edge.inputs.hl7_segments import NULL, Message, Segment
from ecg2lab.edge.vital_signs import QUANTITIES, Unsuitable, coded, field_of, measured, number_of
from ecg2lab.readers import subject

ADT = ("A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A14", "A28", "A31")
_FORGET = ("A23", "A29")
_NUMBER_TYPES = ("", "MR", "MRN", "MRT", "PI", "PT")
"""Of table 0203: numbers by which a hospital calls its patients; not those of insurances, passports or the state."""
_WITHDRAWN = ("D", "X", "W")
_LONGEST_NUMBER = 200
_PERSON_AT = 0.0


class Rejected(Exception):
    """A message that is not taken; its text says why, without anything about a patient. `code`: of table 0357."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Understood(NamedTuple):
    """What a message says."""

    statements: list[Statement]
    complaints: list[str]
    """Which observations are not kept, and why."""


def understand(message: Message, told: Mllp, facts: Facts) -> Understood:
    """Read a message.

    Raises
    ------
    Rejected
        If it is of a type, version or processing id that is not taken, or names no patient.
    """
    kind, event = _type_of(message.header, told)
    reader = _Reader(message, told, facts, kind)
    for segment in message.segments:
        reader.take(segment)
    if not reader.patients:
        raise Rejected("it has no PID", "100")
    if kind == "ADT" and event in _FORGET:
        reader.patients = [_Patient(patient.numbers, forgotten=True) for patient in reader.patients]
    said = [patient.statement(f"HL7 {kind}^{event}") for patient in reader.patients]
    return Understood(said, reader.complaints)


def _type_of(header: Segment, told: Mllp) -> tuple[str, str]:
    if not header.get(10):
        raise Rejected("MSH-10 is empty", "101")
    if header.get(11) not in ("", told.processing_id):
        raise Rejected(f"MSH-11 is not {told.processing_id}", "202")
    if not header.get(12).startswith("2"):
        raise Rejected("MSH-12 is no version of HL7 v2", "203")
    kind, event = header.get(9), header.get(9, 2)
    if kind not in ("ADT", "ORU"):
        raise Rejected("MSH-9 is neither ADT nor ORU", "200")
    if event not in ((*ADT, *_FORGET) if kind == "ADT" else ("R01",)):
        raise Rejected(f"this event of {kind} is not taken", "201")
    return kind, event


class _Patient:
    """Of whom the segments after a PID speak."""

    def __init__(self, numbers: tuple[Number, ...], *, forgotten: bool = False) -> None:
        self.numbers, self._forgotten = numbers, forgotten
        self.facts: list[Fact] = []
        self.withdrawn: list[tuple[str, float]] = []

    def statement(self, origin: str) -> Statement:
        return Statement(self.numbers, origin, tuple(self.facts), tuple(self.withdrawn), self._forgotten)


class _Reader:
    """Goes through the segments of one message."""

    def __init__(self, message: Message, told: Mllp, facts: Facts, kind: str) -> None:
        self.patients: list[_Patient] = []
        self.complaints: list[str] = []
        self._told, self._facts, self._kind = told, facts, kind
        self._offset = moments.offset_of_hl7(message.header.get(7))
        self._sent = message.header.get(7)
        self._ordered, self._observations = "", 0
        self._takers: dict[str, Callable[[Segment], None]] = {
            "EVN": self._event,
            "PID": self._patient,
            "OBR": self._order,
            "OBX": self._observation,
        }

    def take(self, segment: Segment) -> None:
        """Go on."""
        taker = self._takers.get(segment.name)
        if taker is not None:
            taker(segment)

    def _event(self, segment: Segment) -> None:
        self._sent = segment.get(2) or self._sent

    def _order(self, segment: Segment) -> None:
        self._ordered = segment.get(7)

    def _patient(self, segment: Segment) -> None:
        numbers = tuple(dict.fromkeys(filter(None, map(self._number, segment.repetitions(3)))))
        if not numbers:
            raise Rejected("PID-3 has no number of a patient", "101")
        patient = _Patient(numbers)
        self.patients.append(patient)
        self._ordered = ""
        self._state(patient, BIRTH, segment.get(7), _birth(segment.get(7)))
        self._state(patient, SEX, segment.get(8), subject.sex(segment.get(8)))

    def _number(self, part: Callable[[int, int], str]) -> Number | None:
        value, kind = part(1, 1), part(5, 1)
        if not value or value == NULL or kind not in _NUMBER_TYPES:
            return None
        if len(value) > _LONGEST_NUMBER or not value.isprintable():
            raise Rejected("a number in PID-3 is too long, or cannot be read in this character set", "102")
        authority = part(4, 1) or part(4, 2)
        return Number(value, self._facts.authorities.get(authority, authority))

    def _state(self, patient: _Patient, name: str, text: str, value: str | None) -> None:
        """What it says of the person; other words than ours, and the null of HL7, take back what was said before."""
        if value is not None:
            patient.facts.append(Fact(name, _PERSON_AT, value))
        elif text:
            patient.withdrawn.append((name, _PERSON_AT))

    def _observation(self, segment: Segment) -> None:
        self._observations += 1
        if not self.patients:
            raise Rejected("an OBX stands before PID", "100")
        try:
            self._observed(segment, self.patients[-1])
        except Unsuitable as reason:
            self.complaints.append(f"OBX {self._observations}: {reason}")

    def _observed(self, segment: Segment, patient: _Patient) -> None:
        codes = segment.repetitions(3)
        pairs = [(codes[0](at, 1) or codes[0](at + 1, 1), codes[0](at + 2, 1)) for at in (1, 4)] if codes else []
        meant = coded(pairs, self._facts.codes)
        if meant is None:
            return
        status = segment.get(11)
        if status in _WITHDRAWN:
            field = field_of(meant)
            patient.withdrawn.append((field, self._time(segment, field)))
            return
        if status not in self._told.statuses and not (self._kind == "ADT" and not status):
            raise Unsuitable("its status is none by which it is taken")
        name, value = measured(meant, _value(segment), [segment.get(6), segment.get(6, 2)])
        patient.facts.append(Fact(name, self._time(segment, name), value))

    def _time(self, segment: Segment, name: str) -> float:
        """When it was measured; of height and weight the message's own time will do, and the day."""
        body = QUANTITIES[name].kind == "body"
        text = segment.get(14) or self._ordered or (self._sent if body else "")
        moment = moments.of_hl7(text, self._facts.zone, self._offset) if text else None
        if moment is not None and moment.at is None and body and moment.day is not None:
            moment = moments.end_of(moment.day, self._facts.zone)
        if moment is None:
            raise Unsuitable("it does not say when it was measured")
        if moment.at is None:
            raise Unsuitable(moment.why)
        return moment.at


def _birth(text: str) -> str | None:
    day = subject.day(text[:8])
    return f"{day:%Y%m%d}" if day else None


def _value(segment: Segment) -> float:
    kind, value = segment.get(2), segment.get(5)
    if len(segment.repetitions(5)) > 1:
        raise Unsuitable("it has several values")
    if kind == "SN":
        if value not in ("", "=") or segment.get(5, 3):
            raise Unsuitable("its value is no single number")
        value = segment.get(5, 2)
    elif kind not in ("NM", "ST"):
        raise Unsuitable("its type is none of a number")
    return number_of(value)
