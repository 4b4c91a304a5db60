"""The engine: a loaded bundle on a backend, from recording and patient to prediction."""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab import log
from ecg2lab._native import _core
from ecg2lab.answer.explanation import BATCH, SEGMENT_S, Explanation
from ecg2lab.answer.notes import patient_note, recording_note
from ecg2lab.answer.prediction import EngineInfo, PatientNote, Prediction, RecordingNote, decide
from ecg2lab.backends import Backend
from ecg2lab.bundle import Bundle, architectures
from ecg2lab.bundle.network_inputs import CATEGORICAL, CONTINUOUS, SIGNAL, check_inputs, graph_tensors
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, Ecg2LabError, PatientError, QualityError, RecordingError
from ecg2lab.patient import OutOfRange, Patient
from ecg2lab.patient.features import Features, encode
from ecg2lab.recording import Recording, Unit
from ecg2lab.recording.preparation import cut_windows, judge_quality, prepare_signal, whole_windows

if TYPE_CHECKING:  # what only few ask for is imported when it is asked for
    from ecg2lab.stream import Stream
    from ecg2lab.stream.network import By
    from ecg2lab.stream.step import StepGraph

WINDOWS_AT_ONCE = 64
"""How many windows `Engine.predict_many` collects for one call of the network."""


class _Question(NamedTuple):
    """The inputs of the network for one recording, and the notes that its answer carries."""

    windows: NDArray[np.float32]  # (W leads L)
    features: Features
    recording: RecordingNote
    patient: PatientNote
    source: dict[str, Any] | None

    @property
    def inputs(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Arguments of `Engine.run`: the same facts for each window."""
        count = (len(self.windows), 1)
        return self.windows, np.tile(self.features.continuous, count), np.tile(self.features.categorical, count)


class Engine:
    """A loaded bundle, ready to answer; made by `load`. Safe to share between threads.

    It is a context manager: leaving it frees the backend.
    """

    def __init__(self, bundle: Bundle, backend: Backend, threads: int, out_of_range: OutOfRange = "refuse") -> None:
        self._bundle = bundle
        self._backend: Backend | None = backend
        self._out_of_range: OutOfRange = out_of_range
        self._encode = partial(encode, contract=bundle.contract, out_of_range=out_of_range)
        self._trained = _core.TrainedFeatures.of(bundle.native)
        self._step: StepGraph | None = None
        self._opening_step = threading.Lock()
        self.info = _describe(bundle, backend, threads)
        """Model, backend, precision and versions that are really used."""
        self._warm_up()

    @property
    def contract(self) -> Contract:
        """The contract of the model."""
        return self._bundle.contract

    @property
    def feature_width(self) -> int | None:
        """How many features a window has (`features`); None: the bundle's graphs have no output for them."""
        return self._bundle.features

    def run(self, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike) -> NDArray[np.float32]:
        """Compute the logits of the bare network.

        Parameters
        ----------
        signal
            (B, leads, L) millivolt, preprocessed.
        continuous
            (B, features) in raw units and the contract's order, without missing values; then the missing flags, if the
            contract has them here (`contract.static_inputs` names all columns).
        categorical
            (B, categories) integer codes; then the missing flags, if the contract has them here.

        Returns
        -------
        ndarray (B, n) float32
            Logits.

        Raises
        ------
        BackendError
            If a shape is wrong, a value is not finite, a code does not exist in its category, or the engine is closed.
        """
        return self.outputs(signal, continuous, categorical).logits

    def features(self, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike) -> NDArray[np.float32]:
        """Compute the inputs of the last layer: windows that look alike to the network have features close together.

        Parameters
        ----------
        signal, continuous, categorical
            As for `run`.

        Returns
        -------
        ndarray (B, F) float32
            The output of the last S4 layer, averaged over the window, then the output of the static branch.

        Raises
        ------
        BackendError
            As for `run`, and if the bundle's graphs have no output for features.
        """
        architectures.require_features(self._bundle)
        features = self.outputs(signal, continuous, categorical).features
        assert features is not None, "what the manifest states, a backend gives"
        return features

    def outputs(self, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike) -> Outputs:
        """Compute logits and features together.

        Parameters
        ----------
        signal, continuous, categorical
            As for `run`.

        Returns
        -------
        Outputs
            Logits (B, n), and features (B, F) or None if the bundle's graphs have no output for them.

        Raises
        ------
        BackendError
            As for `run`.
        """
        backend = self.require_open()
        c, width = self.contract, self._bundle.features
        inputs = check_inputs(c, signal, continuous, categorical, samples=c.signal.window_samples)
        if len(inputs.signal) == 0:
            return Outputs(*(np.empty((0, n), np.float32) for n in (len(c.targets), width) if n is not None))
        return backend.run(*inputs)

    def predict(
        self, recording: Recording, patient: Patient | None = None, targets: Sequence[str] | None = None
    ) -> Prediction:
        """Answer for one recording.

        Parameters
        ----------
        recording
            At least one window long, with the contract's leads or leads from which they can be derived.
        patient
            Facts about the patient; they override those of the recording's own file (`Recording.subject`).
        targets
            Names of the targets to answer; None: all.

        Returns
        -------
        Prediction
            A finding for each target, in the order of `targets` or of the contract.

        Raises
        ------
        RecordingError, PatientError, QualityError
            If recording or patient cannot be used, or are refused by the contract or the quality gate.
        ContractError
            On an unknown target.
        """
        indices = self._indices(targets)
        question = self._ask_or_refuse(recording, patient)
        if not isinstance(question, _Question):
            raise question
        return self._answer(question, self.outputs(*question.inputs), indices)

    async def apredict(
        self, recording: Recording, patient: Patient | None = None, targets: Sequence[str] | None = None
    ) -> Prediction:
        """As `predict`, without blocking the event loop: it computes in a thread of asyncio's default pool.

        Cancelling the task discards the answer, but a computation that has begun runs to its end.
        """
        import asyncio

        return await asyncio.to_thread(self.predict, recording, patient, targets)

    def predict_many(
        self,
        questions: Iterable[Recording | tuple[Recording, Patient | None]],
        targets: Sequence[str] | None = None,
    ) -> Iterator[Prediction | Ecg2LabError]:
        """Answer for many recordings; the windows of several go through the network together.

        That is faster on a GPU. On a CPU it takes as long as calling `predict` for each. With the native engine the
        answers are the same, bit for bit.

        Parameters
        ----------
        questions
            Recordings, or pairs of a recording and its patient. They are consumed as needed, so this may be a generator
            that reads files.
        targets
            As for `predict`.

        Yields
        ------
        Prediction or Ecg2LabError
            One for each question, in their order. If `predict` would refuse a recording or a patient, its error is
            yielded in place of the answer, and the next question follows.

        Raises
        ------
        RecordingError
            If `questions` is not iterable.
        ContractError, BackendError
            As for `predict`: these concern every question.
        """
        if not isinstance(questions, Iterable):
            raise RecordingError(f"predict_many wants recordings, not {type(questions).__name__}")
        indices, windows = self._indices(targets), 0
        waiting: list[_Question | Ecg2LabError] = []
        for item in questions:
            recording, patient = item if isinstance(item, tuple) and len(item) == 2 else (item, None)
            question = self._ask_or_refuse(recording, patient)
            waiting.append(question)
            windows += len(question.windows) if isinstance(question, _Question) else 0
            if windows >= WINDOWS_AT_ONCE:
                yield from self._answer_all(waiting, indices)
                waiting, windows = [], 0
        yield from self._answer_all(waiting, indices)

    def _indices(self, targets: Sequence[str] | None) -> list[int]:
        return self.contract.target_indices(self.contract.target_names if targets is None else targets)

    def _ask(self, recording: Recording, patient: Patient | None) -> _Question:
        """Everything but the network's answer; a patient is refused before a recording."""
        completed = _completed("predict", recording, patient)
        features = self._encode(completed)
        prepared = prepare_signal(recording, self.contract)
        quality = judge_quality(prepared, self.contract)
        windows = whole_windows(prepared, self.contract)
        return _Question(
            windows=windows,
            features=features,
            recording=recording_note(
                prepared,
                quality,
                recording.leads,
                recording.ignored,
                len(windows),
                self.contract,
                recording.notes,
            ),
            patient=patient_note(patient, completed, features),
            source=recording.source,
        )

    def _ask_or_refuse(self, recording: Recording, patient: Patient | None) -> _Question | Ecg2LabError:
        try:
            return self._ask(recording, patient)
        except (RecordingError, PatientError, QualityError) as error:
            log.refused(error)
            return error

    def _answer(self, question: _Question, outputs: Outputs, indices: Sequence[int]) -> Prediction:
        decided = decide(outputs, question.features, self.contract, self._trained)
        return Prediction(
            notice=self.info.notice,
            findings=tuple(decided.findings[index] for index in indices),
            experience=decided.experience,
            recording=question.recording,
            patient=question.patient,
            engine=self.info,
            source=question.source,
        )

    def _answer_all(
        self, questions: Sequence[_Question | Ecg2LabError], indices: Sequence[int]
    ) -> Iterator[Prediction | Ecg2LabError]:
        asked = [question for question in questions if isinstance(question, _Question)]
        parts = zip(*(question.inputs for question in asked), strict=True)
        outputs = self.outputs(*(np.concatenate(part) for part in parts)) if asked else None
        begin = 0
        for question in questions:
            if isinstance(question, _Question) and outputs is not None:
                end = begin + len(question.windows)
                yield self._answer(question, outputs.rows(begin, end), indices)
                begin = end
            elif not isinstance(question, _Question):
                yield question

    @overload
    def explain(
        self, recording: Recording, patient: Patient | None, targets: str, *, segment_s: float = ..., batch: int = ...
    ) -> Explanation: ...
    @overload
    def explain(
        self,
        recording: Recording,
        patient: Patient | None,
        targets: list[str] | tuple[str, ...],
        *,
        segment_s: float = ...,
        batch: int = ...,
    ) -> tuple[Explanation, ...]: ...
    def explain(
        self,
        recording: Recording,
        patient: Patient | None,
        targets: str | list[str] | tuple[str, ...],
        *,
        segment_s: float = SEGMENT_S,
        batch: int = BATCH,
    ) -> Explanation | tuple[Explanation, ...]:
        """Measure the effect of each lead, each segment of time and each fact on an answer (`ecg2lab.answer.explain`).

        Parameters
        ----------
        recording, patient
            As for `predict`.
        targets
            Name of one target, or of several, which take no more time.
        segment_s
            Length of a segment, seconds: from one sample of the contract's rate to a window.
        batch
            How many windows are run together; the result does not depend on it.

        Returns
        -------
        Explanation, or a tuple of them for several targets
            Effects on the logit and on the probability.

        Raises
        ------
        RecordingError, PatientError, QualityError
            Where `predict` would.
        ContractError
            If a target is unknown, or `segment_s` or `batch` is out of range.
        """
        from ecg2lab.answer.explain import explain as explain_windows

        indices = self.contract.target_indices(targets)
        completed = _completed("explain", recording, patient)
        self._encode(completed)  # a patient is refused before a recording, as by `predict`
        windows = cut_windows(prepare_signal(recording, self.contract), self.contract)
        explanations = explain_windows(
            self.run, self.contract, windows, completed, self._out_of_range, indices, segment_s, batch
        )
        return explanations[0] if isinstance(targets, str) else explanations

    def step_graph(self) -> StepGraph:
        """The model sample by sample, with an explicit state.

        Raises
        ------
        BackendError
            If the model has no step graph, because it is bidirectional or float32 cannot carry its state.
        """
        from ecg2lab.stream.step import StepGraph

        with self._opening_step:
            if self._step is None:
                self._step = StepGraph.of(self._bundle, self.info.threads, self.require_open())
            return self._step

    def stream(
        self,
        *,
        fs: float,
        leads: Sequence[str],
        unit: Unit,
        gain: float | Sequence[float] | None = None,
        baseline: float | Sequence[float] = 0.0,
        hop_s: float = 1.0,
        average_s: float | None = None,
        longest_gap_s: float | None = None,
        patient: Patient | None = None,
        source: Mapping[str, Any] | None = None,
        targets: str | Sequence[str] | None = None,
        by: By | None = None,
    ) -> Stream:
        """Open a stream for the incoming signal of one patient; it answers every hop.

        Parameters
        ----------
        fs, leads, unit, gain, baseline, source
            As for `Recording`; they describe the (leads, n) samples of each `Stream.push`.
        hop_s
            Seconds from one window to the next: a whole number of samples at the contract's rate, up to a day.
        average_s
            Seconds of signal over whose windows to average, from a window to an hour; None: only the latest window.
        longest_gap_s
            A lead without values for so many seconds is off, and windows with a part of that gap are refused. A shorter
            gap is interpolated once it has ended, and delays answers until then. None: a window.
        patient, targets
            As for `predict`.
        by
            "windows": compute each window anew. "state": compute each sample once, with the step graph of a causal
            model, on ONNX Runtime (with the engine's provider if the engine runs on ONNX Runtime, else on the CPU); an
            answer then rests on all signal since the state began. None: "state" if the model has a step graph.

        Raises
        ------
        RecordingError, PatientError
            If every push to such a stream would be refused.
        ContractError
            If a target is unknown, or hop, average or gap is out of range.
        BackendError
            If the model filters recordings forwards and backwards, `by` is "state" without a step graph, or the engine
            is closed.
        MissingExtraError
            If the stream needs the step graph and ONNX Runtime is not installed.
        """
        from ecg2lab.stream.opening import Model, open_stream
        from ecg2lab.stream.options import StreamOptions

        self.require_open()
        model = Model(
            contract=self.contract,
            info=self.info,
            encode=self._encode,
            outputs=self.outputs,
            features=self._bundle.features,
            trained=self._trained,
            has_step=self._bundle.manifest.step is not None,
            step_graph=self.step_graph,
            require_open=self.require_open,
        )
        options = StreamOptions(
            fs=fs,
            leads=leads,
            unit=unit,
            gain=gain,
            baseline=baseline,
            hop_s=hop_s,
            average_s=average_s,
            longest_gap_s=longest_gap_s,
            patient=patient,
            source=source,
            targets=targets,
            by=by,
        )
        return open_stream(model, options)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a process loads its own engine."""
        raise BackendError("an engine cannot be copied or sent to another process; load the bundle there")

    def __repr__(self) -> str:
        return f"Engine({self.info.model!r} on {self.info.backend}, {self.info.provider})"

    def close(self) -> None:
        """Free the backend; later calls are refused with BackendError."""
        self._backend = None
        self._step = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def require_open(self) -> Backend:
        """The backend.

        Raises
        ------
        BackendError
            If the engine is closed.
        """
        backend = self._backend  # another thread may close the engine meanwhile
        if backend is None:
            raise BackendError("this engine is closed")
        return backend

    def _warm_up(self) -> None:
        """One call, so that the first answer is as fast as the next."""
        expected = graph_tensors(self.contract)
        self.run(*(np.zeros((1, *expected[name][0]), expected[name][1]) for name in (SIGNAL, CONTINUOUS, CATEGORICAL)))


def _completed(verb: str, recording: Recording, patient: Patient | None) -> Patient:
    """All that is known of the patient: what the caller says goes before what the recording's file says."""
    if not isinstance(recording, Recording):
        raise RecordingError(f"{verb} wants an ecg2lab.Recording, not {type(recording).__name__}")
    if not isinstance(patient, Patient | None):
        raise PatientError(f"{verb} wants an ecg2lab.Patient, not {type(patient).__name__}")
    return (patient or Patient()).with_defaults(recording.subject)


def _describe(bundle: Bundle, backend: Backend, threads: int) -> EngineInfo:
    manifest = bundle.manifest
    versions = {"ecg2lab": _core.version, "python": platform.python_version(), "numpy": np.__version__}
    return EngineInfo(
        model=manifest.contract.name,
        bundle=Path(bundle.source).name,
        bundle_digest=bundle.digest,
        synthetic_weights=manifest.synthetic_weights,
        notice=f"{manifest.notice}; {backend.caution}" if backend.caution else manifest.notice,
        backend=backend.name,
        provider=backend.provider,
        device=backend.device,
        precision=backend.precision,
        form=manifest.form,
        threads=threads,
        versions=versions | backend.versions,
    )
