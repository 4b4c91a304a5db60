"""A signal that a program at a bed sends: its stream, and what is remembered for a connection that comes back."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from ecg2lab.engine import Engine
from ecg2lab.errors import PatientError, RecordingError
from ecg2lab.patient import Patient
from ecg2lab.stream import Stream, StreamPrediction
from ecg2lab.system.strict_json import refuse_repeated_keys

_KEPT_ANSWERS = 64
"""The latest, for a connection that comes back."""
_SHORTEST_HOP_S = 0.1
_LONGEST_TEXT = 1 << 16
_NUMBER = struct.Struct("<Q")
"""Of a message's first sample, before its samples."""
_TYPES: dict[str, np.dtype[Any]] = {"int16": np.dtype("<i2"), "float32": np.dtype("<f4")}


class Opening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first message of a stream: what its samples are, and when which answers are wanted (`Engine.stream`)."""

    fs: float
    leads: Annotated[list[str], Meta(max_length=64)]
    unit: Literal["uV", "mV", "V", "adc"]
    gain: float | list[float] | None = None
    baseline: float | list[float] = 0.0
    type: Literal["int16", "float32"] = "float32"
    gaps: Literal["refuse", "fill"] = "refuse"
    hop_s: float = 1.0
    average_s: float | None = None
    longest_gap_s: float | None = None
    targets: list[str] | None = None
    by: Literal["windows", "state"] | None = None
    facts: dict[str, Any] = {}


class Resumption(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first message of a connection that goes on with a stream."""

    resume: str
    after: int = -1
    """The last window whose answer came; later ones are repeated."""


class Facts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """New facts about the patient, in place of all former ones."""

    facts: dict[str, Any]


class End(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signal is over."""

    end: Literal[True]


class Taken(NamedTuple):
    """What became of some samples."""

    said: Sequence[StreamPrediction]
    next: int
    """Number of the sample that is expected next."""


def read_message(text: str, first: bool) -> Opening | Resumption | Facts | End:
    """A message in JSON.

    Parameters
    ----------
    first
        Of the connection: only then a stream is opened or resumed.

    Raises
    ------
    RecordingError
        If it is none.
    """
    if len(text) > _LONGEST_TEXT:
        raise RecordingError(f"a message in JSON has {_LONGEST_TEXT} characters at most")
    try:
        refuse_repeated_keys(text)
        fields = msgspec.json.decode(text, type=dict[str, Any])
        kinds: dict[str, Any] = {"resume": Resumption} if first else {"facts": Facts, "end": End}
        kind = next((kind for name, kind in kinds.items() if name in fields), Opening if first else None)
        if kind is None:
            raise RecordingError('a message is samples, {"facts": {…}} or {"end": true}')
        message: Opening | Resumption | Facts | End = msgspec.convert(fields, kind)
        return message
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError, RecursionError) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"this message cannot be read: {error}") from None


def patient_of(facts: dict[str, Any]) -> Patient:
    """A patient from facts by their names.

    Raises
    ------
    PatientError
        If a name is none, or a fact is implausible.
    """
    if unknown := set(facts) - set(Patient.__struct_fields__):
        known = ", ".join(Patient.__struct_fields__)
        raise PatientError(f"{len(unknown)} of the facts have names that are none; these are: {known}")
    return Patient(**facts)


class Bed:
    """One stream. `take`, `end` and `set_facts` are of one connection at a time, which holds `turn` meanwhile.

    Parameters
    ----------
    identity
        What a connection that comes back calls it; nobody can guess it.
    owner
        Who opened it, and alone may go on with it.
    longest_gap_s
        Of lost samples that are filled.

    Raises
    ------
    Ecg2LabError
        As `Engine.stream`.
    """

    def __init__(self, engine: Engine, opening: Opening, identity: str, owner: str, longest_gap_s: float) -> None:
        if not opening.hop_s >= _SHORTEST_HOP_S:
            raise RecordingError(f"hop_s must be {_SHORTEST_HOP_S:g} s at least")
        self.identity, self.owner = identity, owner
        self.turn = asyncio.Lock()
        self.holder: object = None
        """The connection that goes on with it; None: it was lost."""
        self.ended = False
        self.next = 0
        """Number of the sample that is expected next."""
        self._fill, self._dtype, self._leads = opening.gaps == "fill", _TYPES[opening.type], len(opening.leads)
        self._longest_gap = longest_gap_s * opening.fs
        self._answers: deque[tuple[int, bytes]] = deque(maxlen=_KEPT_ANSWERS)
        self._stream: Stream | None = engine.stream(
            fs=opening.fs,
            leads=opening.leads,
            unit=opening.unit,
            gain=opening.gain,
            baseline=opening.baseline,
            hop_s=opening.hop_s,
            average_s=opening.average_s,
            longest_gap_s=opening.longest_gap_s,
            patient=patient_of(opening.facts),
            targets=opening.targets,
            by=opening.by,
        )

    @property
    def stream(self) -> Stream:
        """Its stream.

        Raises
        ------
        RecordingError
            If it ended.
        """
        if self._stream is None:
            raise RecordingError("this stream has ended: open another one")
        return self._stream

    def take(self, content: bytes) -> list[StreamPrediction]:
        """Take in samples, those that are new, and answer the windows that they complete.

        Parameters
        ----------
        content
            Number of the first sample (8 bytes), then one sample of each lead after another; little-endian.

        Raises
        ------
        RecordingError
            If they cannot be used, or samples before them are missing and gaps are refused; then none was taken.
        BackendError
            If the engine fails; `next` says what was taken.
        """
        number, samples = self._parts(content)
        new = samples[:, max(0, self.next - number) :]
        start = max(number, self.next)
        gap = start - self.next
        if gap and not self._fill:
            raise RecordingError(f"samples are missing: {self.next} is the next, and {start} came; gaps are refused")
        if gap > self._longest_gap:
            raise RecordingError(f"{gap} samples are missing, too many to fill: open another stream")
        if not new.shape[1]:
            return []
        try:
            return self.stream.push(new, start=start)
        finally:
            self.next = self.stream.samples_received

    def _parts(self, content: bytes) -> tuple[int, NDArray[Any]]:
        row = self._leads * self._dtype.itemsize
        if len(content) < _NUMBER.size or (len(content) - _NUMBER.size) % row:
            raise RecordingError(
                f"a message of samples is a number of 8 bytes and then {row} bytes for each sample of all leads"
            )
        (number,) = _NUMBER.unpack_from(content)
        return number, np.frombuffer(content, self._dtype, offset=_NUMBER.size).reshape(-1, self._leads).T

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Replace what is told of the patient, for the next windows.

        Raises
        ------
        PatientError
            If a fact is none; then the former ones stay.
        """
        self.stream.set_patient(patient_of(facts))

    def end(self) -> list[StreamPrediction]:
        """End the signal, and answer the windows that wait for later samples.

        Raises
        ------
        BackendError
            If the engine fails: it can be ended again.
        """
        last = self.stream.finish()
        self.ended, self._stream = True, None
        return last

    def keep(self, window: int, answer: bytes) -> None:
        """Keep an answer for a connection that comes back."""
        self._answers.append((window, answer))

    def answers(self, after: int) -> list[bytes]:
        """Those kept of later windows."""
        return [answer for window, answer in self._answers if window > after]
