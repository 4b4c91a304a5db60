"""The engine: a loaded bundle on a backend, from recording and patient to prediction."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg2lab import parity
from ecg2lab.backends import Backend
from ecg2lab.backends.native import NativeBackend, computes
from ecg2lab.backends.onnxruntime import OnnxRuntimeBackend
from ecg2lab.backends.tensorrt import TensorRtBackend
from ecg2lab.bundle import Bundle
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, PatientError, RecordingError
from ecg2lab.explain import BATCH, SEGMENT_S, Explanation
from ecg2lab.explain import explain as explain_windows
from ecg2lab.extras import installed_version
from ecg2lab.features import Features, encode
from ecg2lab.leads import LIMB
from ecg2lab.network_inputs import check_inputs
from ecg2lab.patient import Patient
from ecg2lab.prediction import EngineInfo, PatientNote, Prediction, RecordingNote, decide
from ecg2lab.preparation import PreparedSignal, judge_quality, prepare_signal, whole_windows
from ecg2lab.quality import QualityNote
from ecg2lab.recording import Recording
from ecg2lab.step import StepGraph

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
        backend = self._backend  # another thread may close the engine meanwhile
        if backend is None:
            raise BackendError("this engine is closed")
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
            recording=_recording_note(recording, prepared, quality, count, self.contract),
            patient=_patient_note(patient, known, features),
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
        return StepGraph.of(self._bundle, self.info.threads)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a process loads its own engine."""
        raise BackendError("an engine cannot be copied or sent to another process; load the bundle there")

    def __repr__(self) -> str:
        return f"Engine({self.info.model!r} on {self.info.backend}, {self.info.provider})"

    def close(self) -> None:
        """Free the backend; a later `run` is an error."""
        self._backend = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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


def _recording_note(
    recording: Recording, prepared: PreparedSignal, quality: QualityNote, windows: int, contract: Contract
) -> RecordingNote:
    signal = contract.signal
    unused = prepared.signal.shape[1] - windows * signal.window_samples
    return RecordingNote(
        duration_s=recording.duration_s,
        sampling_rate_hz=recording.fs,
        windows=windows,
        unused_s=unused / signal.sampling_rate_hz,
        derived_leads=tuple(n.lead for n in prepared.notes if n.derived),
        ignored_channels=(*_unused_leads(recording, prepared, contract), *recording.ignored),
        missing_samples={n.lead: n.missing_samples for n in prepared.notes if n.missing_samples},
        clipped_samples={n.lead: n.clipped_samples for n in prepared.notes if n.clipped_samples},
        quality=quality,
    )


def _unused_leads(recording: Recording, prepared: PreparedSignal, contract: Contract) -> list[str]:
    """Recorded leads that are neither wanted nor the source of a derived one."""
    derived = any(note.derived for note in prepared.notes)
    return [x for x in recording.leads if x not in contract.signal.leads and not (derived and x in LIMB)]


def _patient_note(patient: Patient | None, known: Patient, features: Features) -> PatientNote:
    said = (patient or Patient()).given()
    given = known.given()
    return PatientNote(
        given=given,
        from_recording=tuple(name for name in given if name not in said),
        imputed=features.imputed,
        unused=features.unused,
    )
