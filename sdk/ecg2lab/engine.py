"""The engine: a loaded bundle on a backend, from recording and patient to prediction."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, overload

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab import parity
from ecg2lab.backends import Backend
from ecg2lab.backends.native import NativeBackend, computes
from ecg2lab.backends.onnxruntime import OnnxRuntimeBackend
from ecg2lab.backends.tensorrt import TensorRtBackend
from ecg2lab.bundle import Bundle
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, ContractError, PatientError, RecordingError
from ecg2lab.explain import BATCH, SEGMENT_S, Explanation
from ecg2lab.explain import explain as explain_windows
from ecg2lab.extras import installed_version
from ecg2lab.features import encode
from ecg2lab.network_inputs import check_inputs
from ecg2lab.notes import patient_note, recording_note
from ecg2lab.patient import Patient
from ecg2lab.prediction import EngineInfo, Prediction, decide
from ecg2lab.preparation import cut_windows, judge_quality, prepare_signal, whole_windows
from ecg2lab.recording import Recording, Unit
from ecg2lab.step import StepGraph
from ecg2lab.stream import Stream
from ecg2lab.stream_network import By, ByState, ByWindows, Network
from ecg2lab.stream_options import check_format, count_average, open_windows
from ecg2lab.stream_state import Settings

BACKENDS: dict[str, Callable[[Bundle, int, str | None], Backend]] = {
    "native": NativeBackend,
    "onnxruntime": OnnxRuntimeBackend,
    "tensorrt": TensorRtBackend,
}


def load(
    bundle: str | Path | Bundle,
    backend: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
) -> Engine:
    """Load a bundle and make it ready to answer.

    Parameters
    ----------
    bundle
        A file, or an opened bundle.
    backend
        "auto": native, or onnxruntime where native cannot compute the precision; or one of `BACKENDS`: a choice that
        cannot be honoured is an error, never replaced by another.
    precision
        None: the bundle's own. Another only if the manifest holds its gate, and not with "onnxruntime", whose graph has
        one precision; with "tensorrt" from an engine that `ecg2lab build` made.
    threads
        Of one call; None: as many as this process may use.

    Raises
    ------
    BundleError
        If the bundle is missing or damaged.
    BackendError
        If backend, precision or thread count cannot be had.
    MissingExtraError
        If the backend's package is not installed.
    """
    opened = bundle if isinstance(bundle, Bundle) else Bundle.open(bundle)
    name = _automatic(opened, precision) if backend == "auto" else backend
    if name not in BACKENDS:
        raise BackendError(f"unknown backend {backend!r}; one of auto, {', '.join(BACKENDS)}")
    count = _thread_count(threads)
    _check_precision(opened, precision, name)
    return Engine(opened, BACKENDS[name](opened, count, precision), count)


def _automatic(bundle: Bundle, precision: str | None) -> str:
    """Native, unless this CPU or the bundle's proof has it not."""
    wanted = precision or bundle.manifest.precision
    left_out = NativeBackend.name in parity.recorded(bundle).left_out
    return NativeBackend.name if computes(wanted) and not left_out else OnnxRuntimeBackend.name


def _check_precision(bundle: Bundle, precision: str | None, backend: str) -> None:
    carried, gates = bundle.manifest.precision, bundle.manifest.gates
    if precision in (None, carried):
        return
    if backend == OnnxRuntimeBackend.name:
        raise BackendError(f"precision {precision!r} is not in this bundle, which carries {carried}")
    if precision not in gates:
        raise BackendError(f"precision {precision!r} is not in this bundle, which carries {carried}, nor has it a gate")


def _thread_count(threads: int | None) -> int:
    available = usable_cpus()
    if threads is None:
        return available
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise BackendError(f"threads must be a whole number, not {type(threads).__name__}")
    if not 1 <= threads <= 256:
        raise BackendError(f"threads must be between 1 and 256, not {threads}")
    return threads


def usable_cpus() -> int:
    """CPUs that this process may use: its affinity, and the quota of its cgroup."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))
    except (OSError, ValueError):
        return cpus


class Engine:
    """Answers from one bundle; made by `load`. Safe to share between threads.

    A context manager: leaving it frees the backend.
    """

    def __init__(self, bundle: Bundle, backend: Backend, threads: int) -> None:
        self._bundle = bundle
        self._backend: Backend | None = backend
        self._step: StepGraph | None = None
        self._opening_step = threading.Lock()
        self.info = _describe(bundle, backend, threads)
        self._warm_up()

    @property
    def contract(self) -> Contract:
        """Of the model."""
        return self._bundle.contract

    def run(self, signal: ArrayLike, continuous: ArrayLike, categorical: ArrayLike) -> NDArray[np.float32]:
        """Run the bare network.

        Parameters
        ----------
        signal
            (B, leads, L) millivolt, preprocessed.
        continuous
            (B, features) in raw units and the contract's order; nothing may be missing. Missing flags follow where the
            contract says so (`contract.static_inputs` names all columns).
        categorical
            (B, categories) integer codes; missing flags follow where the contract says so.

        Returns
        -------
        ndarray (B, n) float32
            Logits.

        Raises
        ------
        BackendError
            On a wrong shape, a value that is not finite, a code that no category has, or a closed engine.
        """
        backend = self._require_open()
        c = self.contract
        inputs = check_inputs(c, signal, continuous, categorical, samples=c.signal.window_samples)
        if len(inputs.signal) == 0:
            return np.empty((0, len(c.targets)), dtype=np.float32)
        return backend.run(*inputs)

    def predict(
        self, recording: Recording, patient: Patient | None = None, targets: Sequence[str] | None = None
    ) -> Prediction:
        """Answer for one recording.

        Parameters
        ----------
        recording
            At least one window long, with leads from which the contract's follow.
        patient
            What is known; it goes before what the recording's own file says.
        targets
            Names of the findings wanted; None: all.

        Raises
        ------
        RecordingError, PatientError, QualityError
            If the answer would not be worth giving.
        ContractError
            On an unknown target.
        """
        wanted = self._positions(self.contract.target_names if targets is None else targets)
        known = _known("predict", recording, patient)
        features = encode(known, self.contract)
        prepared = prepare_signal(recording, self.contract)
        quality = judge_quality(prepared, self.contract)
        windows = whole_windows(prepared, self.contract)
        count = len(windows)
        logits = self.run(windows, np.tile(features.continuous, (count, 1)), np.tile(features.categorical, (count, 1)))
        findings = decide(logits, self.contract)
        return Prediction(
            notice=self.info.notice,
            findings=tuple(findings[index] for index in wanted),
            recording=recording_note(prepared, quality, recording.leads, recording.ignored, count, self.contract),
            patient=patient_note(patient, known, features),
            engine=self.info,
            source=recording.source,
        )

    @overload
    def explain(
        self,
        recording: Recording,
        patient: Patient | None,
        targets: str,
        *,
        segment_s: float = ...,
        batch: int = ...,
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
        """Say what an answer rests on: each lead, each segment of time, each fact (see `ecg2lab.explain`).

        Parameters
        ----------
        recording, patient
            As for `predict`.
        targets
            Name of one, or of several, which cost no more.
        segment_s
            Length of a segment, seconds: from one sample of the contract's rate to a window.
        batch
            Windows that are run together; the answer does not depend on it.

        Returns
        -------
        Explanation, or a tuple of them for several targets
            Effects on the logit and on the probability.

        Raises
        ------
        RecordingError, PatientError, QualityError
            Where `predict` would.
        ContractError
            On an unknown target, a segment or a batch that makes no sense.
        """
        wanted = self._positions(targets)
        known = _known("explain", recording, patient)
        encode(known, self.contract)  # a patient is refused before a recording, as by `predict`
        windows = cut_windows(prepare_signal(recording, self.contract), self.contract)
        explanations = explain_windows(self.run, self.contract, windows, known, wanted, segment_s, batch)
        return explanations[0] if isinstance(targets, str) else explanations

    def _positions(self, targets: str | Sequence[str]) -> list[int]:
        names = [targets] if isinstance(targets, str) else targets
        return [self.contract.target_index(name) for name in names]

    def step_graph(self) -> StepGraph:
        """The model sample by sample, its state given and taken explicitly.

        Raises
        ------
        BackendError
            If it has no such form, saying why: it is bidirectional, or float32 cannot carry its state.
        """
        with self._opening_step:
            if self._step is None:
                self._step = StepGraph.of(self._bundle, self.info.threads)
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
        """Open the stream of one patient: a signal that is still coming in, answered every hop.

        Parameters
        ----------
        fs, leads, unit, gain, baseline, source
            As for `Recording`; `samples` of each push are (leads, n).
        hop_s
            From one window to the next: a whole number of samples at the contract's rate, up to a day.
        average_s
            Average over the windows within so many seconds, from a window to an hour; None: the latest window alone.
        longest_gap_s
            A lead without values for so long is off, and the windows with a part of that gap are refused; a shorter gap
            is interpolated once its end is known, and delays answers by its length. None: a window.
        patient, targets
            As for `predict`.
        by
            "windows": each anew. "state": each sample once, by the step graph of a causal model, on ONNX Runtime
            whatever the engine's backend; an answer then rests on all signal since the state began. None: "state" where
            the model has it.

        Raises
        ------
        RecordingError, PatientError
            If no sample of such a stream could be answered.
        ContractError
            On an unknown target, and a hop, average or gap that cannot be meant.
        BackendError
            If the model filters recordings forwards and backwards, has no step graph that was asked for, or the engine
            is closed.
        MissingExtraError
            If a state was asked for, or is the default, and ONNX Runtime is not installed.
        """
        self._require_open()
        contract = self.contract
        form = check_format(
            contract,
            fs=fs,
            leads=leads,
            unit=unit,
            gain=gain,
            baseline=baseline,
            patient=patient,
            source=source,
            targets=targets,
        )
        gap_s = contract.signal.window_samples / contract.signal.sampling_rate_hz
        gap_s = gap_s if longest_gap_s is None else longest_gap_s
        windows = open_windows(contract, form, hop_s, gap_s)
        way: By = by or ("windows" if self._bundle.manifest.step is None else "state")
        network, info = self._stream_network(way, windows.hop, average_s)
        settings = Settings(
            bundle_digest=info.bundle_digest,
            fs=form.fs,
            leads=form.leads,
            hop=windows.hop,
            average=count_average(average_s, windows.hop, contract),
            longest_gap_s=float(gap_s),
            by=way,
        )
        return Stream(contract, form, settings, windows, network, info)

    def _stream_network(self, by: By, hop: int, average_s: float | None) -> tuple[Network, EngineInfo]:
        if by == "windows":
            average = count_average(average_s, hop, self.contract)
            return ByWindows(self.run, average, len(self.contract.targets)), self.info
        if by != "state":
            raise ContractError(f"stream: by must be 'windows' or 'state', not {by!r}")
        if average_s is not None:
            raise ContractError("stream: a state rests on all signal since it began; average_s belongs to by='windows'")
        if hop > self.contract.signal.window_samples:
            raise ContractError("stream: with a hop longer than a window a state would miss samples; take by='windows'")
        graph = self.step_graph()
        versions = self.info.versions | graph.versions
        info = msgspec.structs.replace(
            self.info, backend="onnxruntime", provider=graph.provider, device="cpu", form="step", versions=versions
        )
        return ByState(graph, hop, self._require_open), info

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a process loads its own engine."""
        raise BackendError("an engine cannot be copied or sent to another process; load the bundle there")

    def __repr__(self) -> str:
        return f"Engine({self.info.model!r} on {self.info.backend}, {self.info.provider})"

    def close(self) -> None:
        """Free the backend; a later `run` is an error."""
        self._backend = None
        self._step = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _require_open(self) -> Backend:
        backend = self._backend  # another thread may close the engine meanwhile
        if backend is None:
            raise BackendError("this engine is closed")
        return backend

    def _warm_up(self) -> None:
        """One call, so that the first answer is as fast as the next."""
        signal, columns = self.contract.signal, self.contract.static_inputs
        self.run(
            np.zeros((1, len(signal.leads), signal.window_samples), np.float32),
            np.zeros((1, len(columns.continuous)), np.float32),
            np.zeros((1, len(columns.categorical)), np.int64),
        )


def _known(verb: str, recording: Recording, patient: Patient | None) -> Patient:
    """All that is known of the patient: what the caller says goes before what the recording's file says."""
    if not isinstance(recording, Recording):
        raise RecordingError(f"{verb} wants an ecg2lab.Recording, not {type(recording).__name__}")
    if not isinstance(patient, Patient | None):
        raise PatientError(f"{verb} wants an ecg2lab.Patient, not {type(patient).__name__}")
    return (patient or Patient()).with_defaults(recording.subject)


def _describe(bundle: Bundle, backend: Backend, threads: int) -> EngineInfo:
    manifest = bundle.manifest
    versions = {"ecg2lab": installed_version("ecg2lab") or "?", "python": platform.python_version()}
    return EngineInfo(
        model=manifest.contract.name,
        bundle=Path(bundle.source).name,
        bundle_digest=bundle.digest,
        synthetic_weights=manifest.synthetic_weights,
        notice=manifest.notice,
        backend=backend.name,
        provider=backend.provider,
        device=backend.device,
        precision=backend.precision,
        form=manifest.form,
        threads=threads,
        versions={**versions, "numpy": np.__version__, **backend.versions},
    )
