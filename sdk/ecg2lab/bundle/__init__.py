"""The bundle `X.ecg2lab`: one file that holds a model, its contract and its proof.

Format, version 2. A zip archive in one canonical layout, so that it can be mapped, listed by any unzip, and any changed
byte is found:

- members in the order of `MEMBERS`, each at most once, stored without compression, dated 1980-01-01;
- the content of each member starts at a multiple of 64 bytes; the gap is an extra field of the local header
  (identifier 0xD935, alignment, zeros);
- local headers, central directory and end record follow each other without a gap, without comments;
- `manifest.json` is first and holds size and SHA-256 of every other member.

Written here; read by the native core, which holds every byte that is not content to the only one that this allows.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from numpy.typing import NDArray

from ecg2lab._native import _core
from ecg2lab.contract import Contract
from ecg2lab.contract.fields import Share
from ecg2lab.errors import BundleError
from ecg2lab.system.files import write_atomically
from ecg2lab.system.names import shown
from ecg2lab.system.strict_json import encode_canonically

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
WINDOW_GRAPH = "window.onnx"
STEP_GRAPH = "step.onnx"
GOLDEN = "golden.safetensors"
PARITY = "parity.json"
CARD = "card.md"
EXPERIENCE = "experience.safetensors"
MEMBERS = (MANIFEST, WEIGHTS, WINDOW_GRAPH, STEP_GRAPH, GOLDEN, PARITY, CARD, EXPERIENCE)
S4_FUSION = "s4-fusion"
"""The architecture of a bundle that does not name one."""
_ALIGNMENT = 64
_PADDING_FIELD = 0xD935
_LOCAL, _LOCAL_SIZE = b"PK\x03\x04", 30
"""Signature and fixed part of a local header."""
_DOS_DATE = 0x0021  # 1980-01-01


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size in bytes and SHA-256 of a member."""

    size: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """Measure a content."""
        return cls(size=len(content), sha256=_core.sha256(content))


class StepShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sizes of the step graph of a causal model."""

    most_samples: Annotated[int, Meta(ge=1)]
    """That one step takes."""
    state_size: Annotated[int, Meta(ge=1)]
    """Numbers in the state of one window."""


class Lineage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the weights come from."""

    checkpoint_sha256: str
    format: Literal["cardiolab", "ecg2lab"]
    training_data: str | None = None
    """In words; None: not stated by the checkpoint."""


ReducedPrecision = Literal["fp16", "bf16", "int8"]


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a reduced precision was measured to cost against fp32 on the same windows, and that it was little enough."""

    precision: ReducedPrecision
    windows: Annotated[int, Meta(ge=1)]
    data: str
    """Where the windows come from, in words."""
    data_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    """Of the windows and labels."""
    targets_by_labels: Annotated[int, Meta(ge=0)]
    """How many targets have their AUROC from labels."""
    targets_expected: Annotated[int, Meta(ge=0)]
    """How many have the AUROC to be expected if the fp32 probabilities were right."""
    targets_unmeasured: tuple[str, ...] = ()
    """Names of those that have neither, because their fp32 probability is 0 or 1 throughout."""
    worst_auroc_loss: float
    """Of a single target, fp32 less reduced."""
    worst_target: str
    macro_auroc_loss: float
    """Mean over the measured targets; below 0 where the reduced precision ranks better by chance."""
    limit: Annotated[float, Meta(ge=0)]
    """Of the worst loss."""
    logit_error_max: Annotated[float, Meta(ge=0)]
    logit_error_median: Annotated[float, Meta(ge=0)]
    decision_limit: Share | None = None
    """Of `flags_changed`, and of what is outside experience in the reduced precision beyond what is in fp32."""
    flags_changed: Share | None = None
    """Of windows and targets with an operating point for one window; None: no target has one, or an older export."""
    outside_fp32: Share | None = None
    outside_reduced: Share | None = None
    """Shares of windows too far from what the model was trained on; None: the contract has no limit for one window."""
    runtime: str
    cpu: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything about a bundle but its numbers."""

    schema_version: Literal[2] = 2
    synthetic_weights: bool | None
    """Trained on simulated patients, or random; None: not stated by the checkpoint."""
    form: str
    """Of the window graph: "recurrent" or "spectral" for s4-fusion."""
    precision: Literal["fp32", "fp16", "bf16", "int8"]
    opset: int
    """ONNX operator set of the graphs."""
    architecture: str = S4_FUSION
    """Of the network; what is there to be known of each is where `ecg2lab.load` finds it."""
    network: dict[str, bool | int]
    """`causal` and `parameters` of any network, `features` of one whose graphs give them, then sizes of its own: of the
    published one `hidden`, `state_size` and `layers`. Those of inputs and logits are in the contract."""
    step: StepShape | None
    """None: the model is bidirectional, and no step can know what it looks ahead at; or float32 cannot carry its state,
    as `parity.json` says."""
    lineage: Lineage
    tools: dict[str, str]
    """Versions of what wrote the bundle."""
    members: dict[str, Digest]
    gates: dict[ReducedPrecision, Gate] = {}
    """Reduced precisions that may be used; each has passed."""
    contract: Contract

    @property
    def causal(self) -> bool:
        """Whether the network looks at no later sample."""
        return bool(self.network["causal"])

    @property
    def notice(self) -> str:
        """The sentence that goes with every answer."""
        if self.synthetic_weights:
            return "synthetic weights, not for clinical use"
        if self.synthetic_weights is None:
            return "weights of unstated origin, not for clinical use"
        return "research software, not for clinical use"


class Bundle:
    """An opened and verified bundle; `member` gives contents.

    The native core reads and judges it; this shows what it found.

    Attributes
    ----------
    manifest
        Decoded.
    contract
        Of the model.
    digest
        SHA-256 of the manifest, which covers every other member.
    source
        What was opened, for messages.
    size
        Bytes of all members.
    """

    def __init__(self, native: _core.Bundle) -> None:
        self.native = native
        self.manifest = msgspec.json.decode(native.member(MANIFEST), type=Manifest)
        self.contract = self.manifest.contract
        self.digest, self.source, self.size = native.digest, native.source, native.size

    @property
    def features(self) -> int | None:
        """F of the graphs' output `features`; None: they have no such output, like those of 0.1.0."""
        return self.manifest.network.get("features")

    def member(self, name: str) -> bytes:
        """Content of a member.

        Raises
        ------
        BundleError
            If the bundle has no such member.
        """
        return self.native.member(name)

    def tensors(self, name: str) -> dict[str, NDArray[Any]]:
        """Arrays of a member that is safetensors, by name: views into the bundle that cannot be written.

        Raises
        ------
        BundleError
            If the bundle has no such member, or its header contradicts its content.
        """
        return self.native.tensors(name)

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Open a bundle and check every byte of it.

        Raises
        ------
        BundleError
            If the file is missing, is not a bundle, is damaged, is of a newer version, or if its proof, graphs or
            weights are not those of its manifest, or hold what no bundle may.
        """
        if not isinstance(path, str | PathLike):  # a number would be a file that is open already
            raise BundleError(f"a bundle is opened by its path, not by {type(path).__name__}")
        return cls(_core.Bundle.open(os.fsencode(path)))

    @classmethod
    def from_bytes(cls, content: bytes, source: str = "bundle") -> Bundle:
        """As `open`, for a file's content that is already in memory; messages call it `source`."""
        if not isinstance(content, bytes):
            raise BundleError(f"a bundle is made from bytes, not from {type(content).__name__}")
        return cls(_core.Bundle.from_bytes(content, shown(source)))


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Members in the canonical layout: header and content of each, then the directory."""
    packed, directory = bytearray(), bytearray()
    names = [name for name in MEMBERS if name in contents]
    for name in names:
        encoded, content = name.encode(), contents[name]
        gap = -(len(packed) + _LOCAL_SIZE + len(encoded) + 6) % _ALIGNMENT
        extra = struct.pack("<HHH", _PADDING_FIELD, 2 + gap, _ALIGNMENT) + bytes(gap)
        # version needed 1.0, flags, method stored, time, date, CRC, sizes, name length
        common = struct.pack(
            "<HHHHHIIIH", 10, 0, 0, 0, _DOS_DATE, zlib.crc32(content), *[len(content)] * 2, len(encoded)
        )
        # made by 1.0, …, no extra, no comment, disk 0, attributes 0, offset of the local header
        directory += b"PK\x01\x02" + struct.pack("<H", 10) + common + struct.pack("<HHHHII", 0, 0, 0, 0, 0, len(packed))
        directory += encoded
        packed += _LOCAL + common + struct.pack("<H", len(extra)) + encoded + extra
        packed += content
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), len(packed), 0)
    return bytes(packed + directory + end)


def seal(manifest: Manifest, contents: Mapping[str, bytes]) -> bytes:
    """A bundle of these members, of which the manifest states the digests; nothing else is made sure of."""
    members = {name: Digest.of(contents[name]) for name in MEMBERS if name in contents}
    return pack({MANIFEST: encode_canonically(msgspec.structs.replace(manifest, members=members)), **contents})


def write(path: str | Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle, atomically: an existing file is replaced only by a complete one.

    The contents are every member but the manifest, whose `members` are filled in here. Returned is what was read back.

    Raises
    ------
    BundleError
        If no reader would open it: nothing is written.
    """
    packed = seal(manifest, contents)
    bundle = Bundle.from_bytes(packed, source=str(path))
    write_atomically(path, packed)
    return bundle
