from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

version: str
"""Of ecg2lab."""

class LeadReport(TypedDict):
    missing_samples: int
    clipped_samples: int
    derived: bool
    empty: bool
    flat: bool
    peak_to_peak_mv: float
    longest_gap: int

class BandPass:
    def __init__(self, low_hz: float, high_hz: float, order: int) -> None: ...
    def filter(self, samples: NDArray[np.float64], rate: float, instruction_set: str = "") -> NDArray[np.float64]: ...

class Notch:
    def __init__(self, frequency_hz: float, quality: float) -> None: ...
    def filter(self, samples: NDArray[np.float64], rate: float, instruction_set: str = "") -> NDArray[np.float64]: ...

def prepare(
    samples: NDArray[np.float64],
    recorded_leads: Sequence[str],
    rate: float,
    leads: Sequence[str],
    sampling_rate_hz: float,
    clip_mv: float,
    band_pass: BandPass | None = None,
    notch: Notch | None = None,
    measure_quality: bool = False,
) -> Any: ...  # signal, list of LeadReport and, if asked for, QualityFigures
def missing_leads(recorded: Sequence[str], wanted: Sequence[str]) -> list[str]: ...
def lead(samples: NDArray[np.float64], recorded: Sequence[str], wanted: str) -> NDArray[np.float64]: ...
def windows(signal: NDArray[np.float32], window: int) -> NDArray[np.float32]: ...

class Resampler:
    def __init__(self, input_rate: float, output_rate: float, instruction_set: str = "") -> None: ...
    def run(self, samples: NDArray[np.float64], clip_mv: float) -> NDArray[np.float32]: ...

def look_ahead(input_rate: float, output_rate: float) -> int: ...

class QualityFigures:
    leads: list[dict[str, float]]
    recording: dict[str, float]

def fault_names() -> tuple[str, ...]: ...
def judge_quality(
    notes: Sequence[tuple[str, int, int, bool, bool, bool, float, int]],
    figures: QualityFigures | None,
    prepared_samples: int,
    recorded_samples: int,
    recorded_rate_hz: float,
    sampling_rate_hz: float,
    window_samples: int,
    clip_mv: float,
    limits: Mapping[str, tuple[float | None, float | None]],
    longest_gap_s: float | None,
) -> dict[str, Any]: ...
def fact_names() -> tuple[str, ...]: ...
def check_patient(numbers: Mapping[str, float], words: Mapping[str, str]) -> None: ...
def encode_features(
    numbers: Mapping[str, float], words: Mapping[str, str], contract: Contract, impute_out_of_range: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int64], dict[str, float | str], tuple[str, ...], tuple[str, ...]]: ...
def signal_instruction_sets() -> list[str]: ...

class StreamLeadReport(TypedDict):
    missing_samples: int
    clipped_samples: int
    longest_gap: int
    held_until: int
    derived: bool
    lead_off: bool

class PrepareStream:
    look_ahead: int
    samples_received: int
    outputs_made: int
    def __init__(
        self,
        recorded_leads: Sequence[str],
        rate: float,
        leads: Sequence[str],
        sampling_rate_hz: float,
        clip_mv: float,
        longest_gap: int,
    ) -> None: ...
    def push(self, samples: NDArray[np.float64]) -> NDArray[np.float32]: ...
    def finish(self) -> NDArray[np.float32]: ...
    def reset(self) -> None: ...
    def save(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
    def leads(self) -> list[StreamLeadReport]: ...

class WindowStream:
    hop: int
    look_ahead: int
    samples_received: int
    def __init__(
        self, contract: Contract, recorded_leads: Sequence[str], rate: float, hop_s: float, longest_gap_s: float
    ) -> None: ...
    def push(self, samples: NDArray[np.float64]) -> None: ...
    def finish(self) -> None: ...
    def reset(self) -> None: ...
    def window(self) -> tuple[int, int, int, NDArray[np.float32], list[LeadReport], QualityFigures] | None: ...
    def advance(self) -> None: ...
    def save(self) -> bytes: ...
    def restore(self, state: bytes) -> None: ...
    def leads_off(self) -> list[bool]: ...

def impute_continuous(
    values: NDArray[np.float32], medians: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.uint8], list[int]]: ...
def impute_categorical(
    codes: NDArray[np.int64], missing_codes: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8], list[int]]: ...
def decide(logits: NDArray[np.float32], rules: NDArray[np.float64]) -> list[tuple[float, float, float, int]]: ...

class Scan:
    def __init__(
        self,
        a: NDArray[np.float64],
        b: NDArray[np.float64],
        c: NDArray[np.float64],
        d: NDArray[np.float64],
        chunk: int,
        instruction_set: str = "",
    ) -> None: ...
    @staticmethod
    def cascade(
        h: NDArray[np.float32],
        r: NDArray[np.float32],
        taps: NDArray[np.float32],
        d: NDArray[np.float64],
        instruction_set: str = "",
    ) -> Scan: ...
    def run(self, u: NDArray[np.float32]) -> NDArray[np.float32]: ...

class Engine:
    def __init__(
        self,
        weights: Mapping[str, NDArray[np.generic]],
        *,
        leads: int,
        window: int,
        continuous: int,
        categorical: Sequence[int],
        targets: int,
        threads: int = 1,
        precision: str = "fp32",
        instruction_set: str = "",
    ) -> None: ...
    def run(
        self, signal: NDArray[np.float32], continuous: NDArray[np.float32], categorical: NDArray[np.int64]
    ) -> NDArray[np.float32]: ...
    @property
    def instruction_set(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def threads(self) -> int: ...

def instruction_sets(precision: str = "fp32") -> tuple[str, ...]: ...
def cpu_features() -> tuple[str, ...]: ...
def decode_x86(
    *,
    leaf1_ecx: int = 0,
    leaf7_ebx: int = 0,
    leaf7_ecx: int = 0,
    leaf7_edx: int = 0,
    leaf7_1_eax: int = 0,
    xcr0: int = 0,
) -> tuple[str, ...]: ...

class Contract:
    @staticmethod
    def decode(text: bytes, source: str = "contract") -> Contract: ...
    def to_dict(self) -> dict[str, Any]: ...
    @property
    def continuous_columns(self) -> int: ...
    @property
    def codes_per_column(self) -> list[int]: ...

class Bundle:
    @staticmethod
    def open(path: str) -> Bundle: ...
    @staticmethod
    def from_bytes(content: bytes, source: str = "bundle") -> Bundle: ...
    @property
    def source(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def digest(self) -> str: ...
    @property
    def contract(self) -> Contract: ...
    @property
    def left_out(self) -> dict[str, str]: ...
    @property
    def notice(self) -> str: ...
    @property
    def names(self) -> list[str]: ...
    def member(self, name: str) -> bytes: ...
    def tensors(self, name: str) -> dict[str, NDArray[Any]]: ...

def read_tensors(content: bytes, name: str) -> dict[str, NDArray[np.generic]]: ...

opset: int
"""Of every graph of a bundle."""
ir_version: int

def check_graph(model: bytes, most_samples: int = 0) -> None: ...
def sha256(content: bytes) -> str: ...
def sha256_portable(content: bytes) -> str: ...
def crc32(content: bytes) -> int: ...
