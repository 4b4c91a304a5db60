"""Opening a stream: its options are checked against the model, and windows and network are made."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from ecg2lab._native import _core
from ecg2lab.answer.prediction import EngineInfo
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Contract
from ecg2lab.errors import ContractError, RecordingError
from ecg2lab.patient.features import Encode
from ecg2lab.stream.network import By, ByState, ByWindows, Network
from ecg2lab.stream.options import StreamOptions
from ecg2lab.stream.state import Settings
from ecg2lab.stream.step import StepGraph
from ecg2lab.stream.stream import Stream
from ecg2lab.system.real_numbers import is_real, to_float

LONGEST_AVERAGE_S = 3600.0


class Model(NamedTuple):
    """What a stream needs from its engine."""

    contract: Contract
    info: EngineInfo
    encode: Encode
    """From a patient to the inputs of the network."""
    outputs: Callable[..., Outputs]
    features: int | None
    """How many features the network gives; None: none."""
    trained: _core.TrainedFeatures | None
    """Not None if the contract has `experience`."""
    has_step: bool
    step_graph: Callable[[], StepGraph]
    """Raises BackendError with the reason if the model has none."""
    require_open: Callable[[], object]
    """Raises BackendError if the engine is closed."""


def open_stream(model: Model, asked: StreamOptions) -> Stream:
    """Check the options and open a stream, as `Engine.stream` describes."""
    contract, options = model.contract, asked.checked()
    targets = contract.target_indices(contract.target_names if options.targets is None else options.targets)
    gap_s = _window_s(contract) if options.longest_gap_s is None else options.longest_gap_s
    windows = _open_windows(contract, options, gap_s)
    by: By = options.by or ("state" if model.has_step else "windows")
    if by == "windows":
        average = _count_average(options.average_s, windows.hop, contract)
        sizes = (len(contract.targets), *([model.features] if model.features else []))
        network: Network = ByWindows(model.outputs, average, sizes)
        info = model.info
    else:
        average = 1
        network, info = _by_state(model, options, windows.hop)
    settings = Settings(
        bundle_digest=info.bundle_digest,
        fs=options.fs,
        leads=tuple(options.leads),
        hop=windows.hop,
        average=average,
        longest_gap_s=float(gap_s),
        by=by,
    )
    return Stream(contract, model.encode, model.trained, options, targets, settings, windows, network, info)


def _window_s(contract: Contract) -> float:
    return contract.signal.window_samples / contract.signal.sampling_rate_hz


def _open_windows(contract: Contract, options: StreamOptions, gap_s: float) -> _core.WindowStream:
    """Open the core's windows, which refuse missing leads, rates, hops and gaps, and filters that look back."""
    seconds = _number("hop_s", options.hop_s), _number("longest_gap_s", gap_s)
    try:
        return _core.WindowStream(contract.native, tuple(options.leads), options.fs, *seconds)
    except RecordingError:
        raise
    except ValueError as error:
        raise ContractError(f"stream: {error}") from None


def _count_average(average_s: float | None, hop: int, contract: Contract) -> int:
    """Windows, a hop apart, that lie within `average_s`; None: the latest alone."""
    if average_s is None:
        return 1
    signal, seconds, window_s = contract.signal, _number("average_s", average_s), _window_s(contract)
    if not window_s <= seconds <= LONGEST_AVERAGE_S:
        raise ContractError(
            f"stream: average_s {seconds:g} is not between a window ({window_s:g} s) and {LONGEST_AVERAGE_S:g} s"
        )
    return (math.floor(seconds * signal.sampling_rate_hz + 1e-6) - signal.window_samples) // hop + 1


def _number(name: str, value: Any) -> float:
    if not is_real(value):
        raise ContractError(f"stream: {name} must be a number of seconds, not {type(value).__name__}")
    return to_float(value)


def _by_state(model: Model, options: StreamOptions, hop: int) -> tuple[Network, EngineInfo]:
    if options.by not in (None, "state"):
        raise ContractError(f"stream: by must be 'windows' or 'state', not {options.by!r}")
    if options.average_s is not None:
        raise ContractError("stream: a state rests on all signal since it began; average_s belongs to by='windows'")
    if hop > model.contract.signal.window_samples:
        raise ContractError("stream: with a hop longer than a window a state would miss samples; take by='windows'")
    graph = model.step_graph()
    info = msgspec.structs.replace(
        model.info,
        backend=graph.backend,
        provider=graph.provider,
        device=graph.device,
        form="step",
        versions=model.info.versions | graph.versions,
    )
    return ByState(graph, hop, model.require_open), info
