"""A saved stream as bytes: a signature with the version, the SHA-256 of the content, the content in MessagePack."""

from __future__ import annotations

import msgspec

from ecg2lab._native import _core
from ecg2lab.errors import BackendError
from ecg2lab.stream.clock import Stamp
from ecg2lab.stream.network import By, Kept

_MAGIC = b"ecg2lab-stream-1\0"
_DIGEST = 32


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings that must be equal in a stream and in a state that it restores."""

    bundle_digest: str
    fs: float
    leads: tuple[str, ...]
    hop: int
    """Samples at the contract's rate."""
    average: int
    """Windows."""
    longest_gap_s: float
    by: By


class SavedStream(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that a stream remembers: the latest signal, but no facts about the patient."""

    settings: Settings
    windows: bytes
    """State of the core's window stream, with its own version and checksum."""
    network: Kept
    first: Stamp | None
    last: Stamp | None


def encode(saved: SavedStream) -> bytes:
    """The saved stream as bytes, for `decode`."""
    content = msgspec.msgpack.encode(saved)
    return _MAGIC + bytes.fromhex(_core.sha256(content)) + content


def decode(state: bytes, settings: Settings) -> SavedStream:
    """Read what `encode` wrote for a stream of these settings.

    Raises
    ------
    BackendError
        If the bytes are something else, damaged, of another version, of another model or of other settings.
    """
    if not isinstance(state, bytes) or not state.startswith(_MAGIC):
        raise BackendError("these bytes are no state of a stream of this version: give what Stream.save returned")
    digest, content = state[len(_MAGIC) :][:_DIGEST], state[len(_MAGIC) + _DIGEST :]
    if bytes.fromhex(_core.sha256(content)) != digest:
        raise BackendError("this state of a stream is damaged; begin anew")
    try:
        saved = msgspec.msgpack.decode(content, type=SavedStream)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BackendError("this state of a stream is damaged; begin anew") from None
    for name in Settings.__struct_fields__:
        if getattr(saved.settings, name) != getattr(settings, name):
            what = "model" if name == "bundle_digest" else name
            raise BackendError(f"this state belongs to a stream with another {what}; open that one, or begin anew")
    return saved
