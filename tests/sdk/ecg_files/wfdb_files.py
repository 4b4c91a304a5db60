"""Records of WFDB in every format of signal(5) that is not FLAC, by the words of that page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

_BITS = {16: 16, 24: 24, 32: 32, 61: 16, 80: 8, 160: 16, 212: 12, 310: 10, 311: 10}
MISSING = {storage: -(2 ** (bits - 1)) for storage, bits in _BITS.items()}
"""The count of each format that stands for no sample; 8 has none."""


def record(
    folder: Path,
    counts: Sequence[np.ndarray],
    storage: int,
    names: Sequence[str],
    gains: float | Sequence[float] = 1000,
    name: str = "record",
    frames: Sequence[int] | None = None,
    skews: Sequence[int] | None = None,
    comments: Sequence[str] = (),
) -> Path:
    """Write a record of 500 frames a second in one file; of each signal so many samples in a frame, and its skew."""
    frames, skews = frames or [1] * len(names), skews or [0] * len(names)
    gains = list(np.broadcast_to(gains, len(names)))
    blocks = [own.reshape(-1, size) for own, size in zip(counts, frames, strict=True)]
    stored = [np.diff(own, prepend=own[0]) if storage == 8 else own for own in counts]
    rows = np.concatenate([own.reshape(-1, size) for own, size in zip(stored, frames, strict=True)], axis=1)
    (folder / f"{name}.dat").write_bytes(encode(rows.ravel(), storage))
    lines = [f"{name} {len(names)} 500 {len(blocks[0])}"]
    for own, size, skew, gain, lead in zip(counts, frames, skews, gains, names, strict=True):
        form = f"{storage}" + f"x{size}" * (size > 1) + f":{skew}" * (skew > 0)
        checksum = int(own.astype(np.int64).sum()) % 2**16
        checksum -= 2**16 * (checksum >= 2**15)
        lines.append(f"{name}.dat {form} {gain:g}(5)/mV 16 0 {own[0]} {checksum} 0 {lead}")
    header = folder / f"{name}.hea"
    header.write_text("\n".join([*lines, *(f"# {comment}" for comment in comments)]) + "\n")
    return header


def encode(values: np.ndarray, storage: int) -> bytes:
    """Counts as the format has them."""
    values = values.astype(np.int64)
    plain = {8: "i1", 16: "<i2", 32: "<i4", 61: ">i2"}
    if storage in plain:
        return values.astype(plain[storage]).tobytes()
    if storage == 80:
        return (values + 128).astype("u1").tobytes()
    if storage == 160:
        return (values + 32768).astype("<u2").tobytes()
    if storage == 24:
        return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    return {212: _pairs, 310: _triples_310, 311: _triples_311}[storage](values)


def _pairs(values: np.ndarray) -> bytes:
    first, second = np.pad(values, (0, len(values) % 2)).reshape(-1, 2).T & 0xFFF
    packed = np.stack([first & 0xFF, first >> 8 | second >> 8 << 4, second & 0xFF], axis=1)
    return packed.astype(np.uint8).tobytes()


def _triples_310(values: np.ndarray) -> bytes:
    first, second, third = np.pad(values, (0, -len(values) % 3)).reshape(-1, 3).T & 0x3FF
    words = np.stack([first << 1 | (third & 0x1F) << 11, second << 1 | third >> 5 << 11], axis=1)
    return words.astype("<u2").tobytes()


def _triples_311(values: np.ndarray) -> bytes:
    first, second, third = np.pad(values, (0, -len(values) % 3)).reshape(-1, 3).T & 0x3FF
    return (first | second << 10 | third << 20).astype("<u4").tobytes()
