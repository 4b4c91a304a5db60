"""Opening a stream: what is asked for, checked against the model, becomes windows and a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ecg2lab.errors import ContractError
from ecg2lab.features import Encode
from ecg2lab.stream import Stream
from ecg2lab.stream_network import By, ByState, ByWindows, Network
from ecg2lab.stream_options import check_format, count_average, open_windows
from ecg2lab.stream_state import Settings

if TYPE_CHECKING:
    from ecg2lab.engine import Engine
    from ecg2lab.prediction import EngineInfo


def open_stream(
    engine: Engine,
    encode: Encode,
    has_step: bool,
    *,
    hop_s: float,
    average_s: float | None,
    longest_gap_s: float | None,
    by: By | None,
    **form: Any,
) -> Stream:
    """See `Engine.stream`.

    Parameters
    ----------
    engine
        That answers.
    encode
        From a patient to the inputs of its network.
    has_step
        Whether its model has a step graph.
    hop_s, average_s, longest_gap_s, by
        As there.
    form
        All others, as `check_format` takes them.
    """
    contract = engine.contract
    checked = check_format(contract, **form)
    gap_s = contract.signal.window_samples / contract.signal.sampling_rate_hz
    gap_s = gap_s if longest_gap_s is None else longest_gap_s
    windows = open_windows(contract, checked, hop_s, gap_s)
    way: By = by or ("state" if has_step else "windows")
    network, info = _network(engine, way, windows.hop, average_s)
    settings = Settings(
        bundle_digest=info.bundle_digest,
        fs=checked.fs,
        leads=checked.leads,
        hop=windows.hop,
        average=count_average(average_s, windows.hop, contract),
        longest_gap_s=float(gap_s),
        by=way,
    )
    return Stream(contract, encode, checked, settings, windows, network, info)


def _network(engine: Engine, by: By, hop: int, average_s: float | None) -> tuple[Network, EngineInfo]:
    contract = engine.contract
    if by == "windows":
        return ByWindows(engine.run, count_average(average_s, hop, contract), len(contract.targets)), engine.info
    if by != "state":
        raise ContractError(f"stream: by must be 'windows' or 'state', not {by!r}")
    if average_s is not None:
        raise ContractError("stream: a state rests on all signal since it began; average_s belongs to by='windows'")
    if hop > contract.signal.window_samples:
        raise ContractError("stream: with a hop longer than a window a state would miss samples; take by='windows'")
    graph = engine.step_graph()
    versions = engine.info.versions | graph.versions
    info = msgspec.structs.replace(
        engine.info, backend="onnxruntime", provider=graph.provider, device="cpu", form="step", versions=versions
    )
    return ByState(graph, hop, engine.require_open), info
