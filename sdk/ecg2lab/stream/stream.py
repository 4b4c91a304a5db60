"""A signal that is still coming in, answered every hop from its latest window.

The native core cuts the windows, as for C programs: whatever the chunks, each window is bit for bit the one that is cut
out of the whole preprocessed signal. A refused window is an answer, too, and the stream goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab import log
from ecg2lab._native import _core
from ecg2lab.answer.notes import patient_note, recording_note
from ecg2lab.answer.prediction import (
    EngineInfo,
    ErrorNote,
    ExperienceNote,
    Finding,
    PatientNote,
    RecordingNote,
    decide,
)
from ecg2lab.backends import Home
from ecg2lab.errors import BackendError, QualityError, RecordingError
from ecg2lab.patient import Patient
from ecg2lab.patient.features import Encode, Features
from ecg2lab.quality import QualityNote
from ecg2lab.recording.preparation import judge_quality, whole_windows
from ecg2lab.stream import state as states
from ecg2lab.stream.clock import Clock
from ecg2lab.stream.network import By, Network
from ecg2lab.stream.options import StreamOptions
from ecg2lab.stream.prediction import Position, StreamPrediction
from ecg2lab.stream.state import SavedStream, Settings
from ecg2lab.system.real_numbers import to_float

if TYPE_CHECKING:
    from ecg2lab.contract import Contract

LONGEST_HOLE_S = 3600.0
"""After a longer hole the signal is another recording."""


class Stream:
    """The incoming signal of one patient; opened by `Engine.stream`.

    Streams share only their engine, so each may have its own thread; calls of one stream wait for each other.
    """

    def __init__(
        self,
        contract: Contract,
        encode: Encode,
        trained: _core.TrainedFeatures | None,
        options: StreamOptions,
        targets: Sequence[int],
        settings: Settings,
        windows: _core.WindowStream,
        network: Network,
        info: EngineInfo,
    ) -> None:
        self.info = info
        """Model, backend, precision and versions that are really used."""
        self._contract = contract
        self._encode = encode
        self._trained = trained
        self._options = options
        self._source = None if options.source is None else dict(options.source)
        self._targets = targets
        self._settings = settings
        self._windows = windows
        self._network = network
        self._finishing = False
        self._last: list[StreamPrediction] = []
        """Answers from before a failure, for the next call."""
        self._clock = Clock(options.fs)
        self._home, self._lock = Home(), threading.Lock()
        self._features, self._patient = self._inputs(options.patient)

    @property
    def by(self) -> By:
        """Whether each window is computed anew, or the state of a causal model is carried on."""
        return self._settings.by

    @property
    def fs(self) -> float:
        """Sampling rate of the samples, Hz."""
        return self._options.fs

    @property
    def samples_received(self) -> int:
        """Samples of each lead since the stream began, including lost ones that `start` revealed."""
        return self._windows.samples_received

    @property
    def look_ahead_s(self) -> float:
        """Seconds of signal needed after a window before it is answered; a gap that is still open adds its length."""
        return self._windows.look_ahead / self._options.fs

    @property
    def leads_off(self) -> tuple[str, ...]:
        """Those of the contract's leads that have had no value for the last `longest_gap_s`."""
        off = self._windows.leads_off()
        return tuple(lead for lead, is_off in zip(self._contract.signal.leads, off, strict=True) if is_off)

    def push(self, samples: ArrayLike, start: int | None = None, time: float | None = None) -> list[StreamPrediction]:
        """Take in samples and answer the windows that they complete.

        Parameters
        ----------
        samples
            (leads, n) in the stream's unit, n ≥ 0; NaN marks a missing sample.
        start
            Number of the first of these samples since the stream began, counted by the device; samples between the
            previous push and this one were lost. None: nothing was lost.
        time
            When the first of these samples was taken, seconds by any clock; compared with count and sampling rate.

        Returns
        -------
        list
            A prediction for each window, in order of time; often empty.

        Raises
        ------
        RecordingError
            If samples cannot be used, were already received, or follow a hole of more than an hour; if `time` reveals a
            jump or another rate; after `finish`. Then no samples were taken.
        BackendError
            If the engine is closed or fails at the first window that is due: `samples_received` says what was taken,
            and the next push tries again. If it fails at a later window, the answers before are returned, and the next
            push tries again. Once ten minutes of signal are waiting for answers, a push that fails takes no samples.
        """
        with self._in_turn():
            if self._windows.full and (failing := self._answer_due(self._last)) is not None:
                raise failing
            received = self.samples_received
            number = received if start is None else self._check_start(start, received)
            stamp = None if time is None else self._clock.check(number, time)
            millivolt = self._options.to_millivolt(samples)
            self._windows.check(millivolt)
            if stamp is not None:
                self._clock.accept(stamp)
            predictions, self._last = self._last, []
            failure: BackendError | None = None
            for part in (*self._hole(number - received), millivolt):
                self._windows.push(part)
                failure = failure or self._answer_due(predictions)
            if failure is not None and not predictions:
                raise failure
            return predictions

    def finish(self) -> list[StreamPrediction]:
        """End the signal and answer the windows that wait for later samples; then `push` is refused until `reset`.

        Raises
        ------
        BackendError
            If the engine is closed or fails: call `finish` again.
        """
        with self._in_turn():
            if not self._finishing:
                self._windows.finish()
            self._finishing = True
            if (failure := self._answer_due(self._last)) is not None:
                raise failure
            last, self._last, self._finishing = self._last, [], False
            return last

    def reset(self) -> None:
        """Begin another recording with the same facts about the patient."""
        with self._in_turn():
            self._windows.reset()
            self._network.reset()
            self._last, self._finishing = [], False
            self._clock = Clock(self._options.fs)

    def set_patient(self, patient: Patient | None) -> None:
        """Replace the facts about the patient, for the next windows.

        Raises
        ------
        PatientError
            As for `Engine.predict`; then the former facts stay.
        """
        features, note = self._inputs(patient)
        with self._in_turn():
            self._features, self._patient = features, note

    def save(self) -> bytes:
        """All that the stream remembers, for `restore`. It contains the latest signal: protect it like the ECG.

        Raises
        ------
        BackendError
            If an earlier call failed half-way: its answers would be lost.
        """
        with self._in_turn():
            if self._finishing:
                raise BackendError("this stream is about to end: call finish again before it is saved")
            if self._last:
                raise BackendError("this stream has answers that a failure kept back: push again before it is saved")
            clock = self._clock
            saved = SavedStream(
                settings=self._settings,
                windows=self._windows.save(),
                network=self._network.save(),
                first=clock.first,
                last=clock.last,
            )
            return states.encode(saved)

    def restore(self, state: bytes) -> None:
        """Continue where a stream of the same model and settings was saved, in this or another process.

        Raises
        ------
        BackendError
            If the bytes are no such state, damaged or of another version; then nothing has changed.
        """
        saved = states.decode(state, self._settings)
        with self._in_turn():
            before = self._network.save()
            self._network.restore(saved.network)
            try:
                self._windows.restore(saved.windows)
            except ValueError as error:
                self._network.restore(before)
                raise BackendError(f"this state of a stream cannot be used: {error}") from None
            self._last, self._finishing = [], False
            self._clock = Clock(self._options.fs)
            self._clock.first, self._clock.last = saved.first, saved.last

    def _in_turn(self) -> threading.Lock:
        """Of this process: in one that was forked off another thread's lock is never released."""
        self._home.require()
        return self._lock

    def _check_start(self, start: Any, received: int) -> int:
        if isinstance(start, bool) or not isinstance(start, (int, np.integer)):
            raise RecordingError(f"start must be the number of a sample, not {type(start).__name__}")
        if start < received:
            raise RecordingError(
                f"sample {start} came before: {received} of each lead were taken; leave out what overlaps, or reset"
            )
        if start - received > LONGEST_HOLE_S * self._options.fs:
            raise RecordingError(
                f"{to_float(start - received) / self._options.fs:.0f} s of signal are missing, more than "
                f"{LONGEST_HOLE_S:g}: reset the stream, for this is another recording"
            )
        return int(start)

    def _hole(self, samples: int) -> Iterator[NDArray[np.float64]]:
        """Lost samples as missing ones, a second at a time: however long the hole, memory stays small."""
        most = max(
            1, int(self._contract.signal.window_samples * self._options.fs / self._contract.signal.sampling_rate_hz)
        )
        while samples > 0:
            yield np.full((len(self._options.leads), min(samples, most)), np.nan)
            samples -= most

    def _answer_due(self, predictions: list[StreamPrediction]) -> BackendError | None:
        """Answer what is due, up to a failure: that window stays due."""
        while (due := self._windows.window()) is not None:
            try:
                predictions.append(self._predict(due))
            except BackendError as error:
                return error
            self._windows.advance()
        return None

    def _predict(self, window: _core.StreamWindow) -> StreamPrediction:
        prepared, number = window.prepared, window.position.window
        try:
            quality = judge_quality(prepared, self._contract, self._settings.longest_gap_s)
        except (QualityError, RecordingError) as error:
            self._network.refuse()
            log.refused(error)
            refusal = ErrorNote(type=type(error).__name__, message=str(error))
            note = self._note(prepared, error.quality if isinstance(error, QualityError) else None, windows=0)
            return self._prediction((), note, self._position(window, number), refusal)
        answered = self._network.answer(number, whole_windows(prepared, self._contract), self._features)
        decided = decide(answered.outputs, self._features, self._contract, self._trained)
        chosen = tuple(decided.findings[index] for index in self._targets)
        note = self._note(prepared, quality, windows=len(answered.outputs.logits))
        return self._prediction(chosen, note, self._position(window, answered.since), experience=decided.experience)

    def _note(self, prepared: _core.Prepared, quality: QualityNote | None, windows: int) -> RecordingNote:
        note = recording_note(prepared, quality, self._options.leads, (), 1, self._contract)
        return msgspec.structs.replace(note, windows=windows)

    def _prediction(
        self,
        findings: tuple[Finding, ...],
        note: RecordingNote,
        position: Position,
        refusal: ErrorNote | None = None,
        experience: ExperienceNote | None = None,
    ) -> StreamPrediction:
        return StreamPrediction(
            notice=self.info.notice,
            findings=findings,
            recording=note,
            patient=self._patient,
            engine=self.info,
            source=self._source,
            experience=experience,
            position=position,
            refusal=refusal,
        )

    def _position(self, window: _core.StreamWindow, since: int) -> Position:
        position = msgspec.convert(window.position, Position, from_attributes=True)
        return msgspec.structs.replace(
            position,
            since_s=since * self._settings.hop / self._contract.signal.sampling_rate_hz,
            begin_time=self._clock.time_of(position.first_sample),
        )

    def _inputs(self, patient: Patient | None) -> tuple[Features, PatientNote]:
        facts = patient or Patient()
        features = self._encode(facts)
        return features, patient_note(patient, facts, features)
