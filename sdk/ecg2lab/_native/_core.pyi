from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

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
) -> tuple[NDArray[np.float32], list[LeadReport]]: ...
def missing_leads(recorded: Sequence[str], wanted: Sequence[str]) -> list[str]: ...
def lead(samples: NDArray[np.float64], recorded: Sequence[str], wanted: str) -> NDArray[np.float64]: ...
def windows(signal: NDArray[np.float32], window: int) -> NDArray[np.float32]: ...

class Resampler:
    def __init__(self, input_rate: float, output_rate: float, instruction_set: str = "") -> None: ...
    def run(self, samples: NDArray[np.float64], clip_mv: float) -> NDArray[np.float32]: ...

def look_ahead(input_rate: float, output_rate: float) -> int: ...
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
    ) -> None: ...
    def run(self, u: NDArray[np.float32]) -> NDArray[np.float32]: ...

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
