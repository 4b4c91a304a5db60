"""The bundle `X.ecg2lab`: one file that holds a model, its contract and its proof.

Format, version 2. A zip archive in one canonical layout, so that it can be mapped, listed by any unzip, and any changed
byte is found:

- members in the order of `MEMBERS`, each at most once, stored without compression, dated 1980-01-01;
- the content of each member starts at a multiple of 64 bytes; the gap is an extra field of the local header
  (identifier 0xD935, alignment, zeros);
- local headers, central directory and end record follow each other without a gap, without comments;
- `manifest.json` is first and holds size and SHA-256 of every other member.

A reader writes the same layout from the contents it found and compares: whatever is not content is determined by it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from ecg2lab._native import _core
from ecg2lab.contract import Contract
from ecg2lab.errors import BundleError
from ecg2lab.files import regular_size, write_atomically
from ecg2lab.onnx_guard import refers_outside
from ecg2lab.strict_json import encode_canonically, refuse_repeated_keys

if TYPE_CHECKING:
    import zipfile

SCHEMA_VERSION = 2
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
WINDOW_GRAPH = "window.onnx"
STEP_GRAPH = "step.onnx"
GOLDEN = "golden.safetensors"
PARITY = "parity.json"
CARD = "card.md"
MEMBERS = (MANIFEST, WEIGHTS, WINDOW_GRAPH, STEP_GRAPH, GOLDEN, PARITY, CARD)
_REQUIRED = (MANIFEST, WINDOW_GRAPH, GOLDEN, PARITY, CARD)
S4_FUSION = "s4-fusion"
"""The architecture of a bundle that does not name one."""
_ALIGNMENT = 64
_PADDING_FIELD = 0xD935
_LOCAL, _LOCAL_SIZE = b"PK\x03\x04", 30
"""Signature and fixed part of a local header."""
_DOS_DATE = 0x0021  # 1980-01-01
_LARGEST_BUNDLE = 2**31


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
    runtime: str
    cpu: str

    def __post_init__(self) -> None:
        """Check what the types cannot say."""
        if not self.worst_auroc_loss <= self.limit:
            raise ValueError(f"the gate of {self.precision} was not passed")


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
    """`causal` and `parameters` of any network, then sizes of its own: of the published one `hidden`, `state_size` and
    `layers`. Those of inputs and outputs are in the contract."""
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

    def __post_init__(self) -> None:
        """Check what the types cannot say."""
        for precision, gate in self.gates.items():
            if gate.precision != precision:
                raise ValueError(f"the gate of {precision} speaks of {gate.precision}")

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

    Attributes
    ----------
    manifest
        Decoded.
    digest
        SHA-256 of the manifest, which covers every other member.
    source
        What was opened, for messages.
    """

    def __init__(self, manifest: Manifest, contents: Mapping[str, bytes], source: str) -> None:
        self.manifest = manifest
        self.source = source
        self.digest = _core.sha256(contents[MANIFEST])
        self._contents = contents

    @property
    def contract(self) -> Contract:
        """Of the model."""
        return self.manifest.contract

    @property
    def size(self) -> int:
        """Bytes of all members."""
        return sum(map(len, self._contents.values()))

    def member(self, name: str) -> bytes:
        """Content of a member.

        Raises
        ------
        BundleError
            If the bundle has no such member.
        """
        try:
            return self._contents[name]
        except KeyError:
            raise BundleError(f"bundle {self.source} has no {name}") from None

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Open a bundle and check every byte of it.

        Raises
        ------
        BundleError
            If the file is missing, is not a bundle, is damaged, or is of a newer version.
        """
        if not isinstance(path, str | PathLike):  # a number would be a file that is open already
            raise BundleError(f"a bundle is opened by its path, not by {type(path).__name__}")
        try:
            size = regular_size(path)
            if size > _LARGEST_BUNDLE:
                raise BundleError(f"{path} is larger than any bundle")
            content = Path(path).read_bytes()
        except FileNotFoundError:
            raise BundleError(f"there is no bundle at {path}") from None
        except OSError as error:
            raise BundleError(f"cannot read bundle {path}: {error.strerror}") from None
        except ValueError:
            raise BundleError(f"{str(path)!r} is no path") from None
        return cls.from_bytes(content, source=str(path))

    @classmethod
    def from_bytes(cls, content: bytes, source: str = "bundle") -> Bundle:
        """As `open`, for a bundle that is already in memory.

        Parameters
        ----------
        content
            Of the file.
        source
            What messages call it.

        Raises
        ------
        BundleError
            As `open`.
        """
        contents = _unpack(content, source)
        manifest = _decode_manifest(contents[MANIFEST], source)
        for name, member in contents.items():
            if name != MANIFEST and manifest.members.get(name) != Digest.of(member):
                raise BundleError(f"{source} is damaged: {name} is not what its manifest says")
        if set(manifest.members) != set(contents) - {MANIFEST}:
            raise BundleError(f"{source} is damaged: its members are not those of its manifest")
        for name in (WINDOW_GRAPH, STEP_GRAPH):
            if name in contents:
                _refuse_external_data(contents[name], f"{source}: {name}")
        return cls(manifest, contents, source)


def _unpack(content: bytes, source: str) -> dict[str, bytes]:
    """Members of a canonical archive; anything else is refused before a content is looked at."""
    contents = _read_members(content)
    if _is_canonical(contents, content):
        return contents
    raise BundleError(f"{source} {_what_is_wrong(content)}")


def _read_members(content: bytes) -> dict[str, bytes]:
    """What lies between the headers of an archive that may be canonical; its order and numbers are still unchecked."""
    contents: dict[str, bytes] = {}
    at = 0
    while content.startswith(_LOCAL, at) and len(content) >= at + _LOCAL_SIZE:
        size, name_size, extra_size = struct.unpack_from("<IHH", content, at + 22)
        begin = at + _LOCAL_SIZE + name_size + extra_size
        name = content[at + _LOCAL_SIZE : at + _LOCAL_SIZE + name_size].decode("ascii", "replace")
        if name in contents or name not in MEMBERS:
            break
        contents[name] = content[begin : begin + size]
        at = begin + size
    return contents


def _is_canonical(contents: Mapping[str, bytes], content: bytes) -> bool:
    """Whether an archive is, to the last bit, what `pack` makes of these members."""
    if not set(_REQUIRED) <= set(contents) <= set(MEMBERS):
        return False
    at = 0
    for part in _parts(contents):
        if content[at : at + len(part)] != part:
            return False
        at += len(part)
    return at == len(content)


def _what_is_wrong(content: bytes) -> str:
    """Why an archive is none of ours."""
    import zipfile

    if content[:2] != b"PK":
        return "is not an ecg2lab bundle (a bundle is written by `ecg2lab export`)"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _what_is_uncommon(archive.infolist()) or (
                "is damaged or was cut short; copy it again"
                if archive.testzip()
                else "is damaged or was repacked: it is not in the canonical layout"
            )
    except (zipfile.BadZipFile, EOFError, struct.error, NotImplementedError, RuntimeError, ValueError, OSError):
        return "is damaged or was cut short; copy it again"


def _what_is_uncommon(members: Sequence[zipfile.ZipInfo]) -> str | None:
    """What the directory of an archive says that ours never does; no content is looked at."""
    names = [member.filename for member in members]
    if MANIFEST not in names:
        return f"is a zip archive, but not an ecg2lab bundle: it has no {MANIFEST}"
    if unknown := [name for name in names if name not in MEMBERS]:
        return f"holds {unknown[0]!r}, which is no part of a bundle"
    if missing := [name for name in _REQUIRED if name not in names]:
        return f"lacks {missing[0]}"
    if len(set(names)) != len(names):
        return "holds a member twice"
    if any(member.compress_type for member in members):
        return "was repacked: members of a bundle are stored, not compressed"
    return None


def _refuse_external_data(graph: bytes, source: str) -> None:
    try:
        outside = refers_outside(graph)
    except ValueError as error:
        raise BundleError(f"{source} is no ONNX graph: {error}") from None
    if outside:
        raise BundleError(f"{source} keeps numbers in files outside the bundle, which is never opened")


def _decode_manifest(content: bytes, source: str) -> Manifest:
    class Head(msgspec.Struct):
        schema_version: int

    try:
        version = msgspec.json.decode(content, type=Head).schema_version
        if version > SCHEMA_VERSION:
            raise BundleError(f"{source} is of bundle version {version}; this ecg2lab reads up to {SCHEMA_VERSION}")
        if version < SCHEMA_VERSION:
            raise BundleError(f"{source} is of bundle version {version}, which is read no longer; export it again")
        refuse_repeated_keys(content)
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BundleError(f"{source} has an invalid manifest: {error}") from None


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Members in the canonical layout."""
    return b"".join(_parts(contents))


def _parts(contents: Mapping[str, bytes]) -> Iterator[bytes]:
    """Of the canonical layout, in order: header and content of each member, then the directory."""
    directory, offset = bytearray(), 0
    names = [name for name in MEMBERS if name in contents]
    for name in names:
        encoded, content = name.encode(), contents[name]
        gap = -(offset + _LOCAL_SIZE + len(encoded) + 6) % _ALIGNMENT
        extra = struct.pack("<HHH", _PADDING_FIELD, 2 + gap, _ALIGNMENT) + bytes(gap)
        # version needed 1.0, flags, method stored, time, date, CRC, sizes, name length
        common = struct.pack(
            "<HHHHHIIIH", 10, 0, 0, 0, _DOS_DATE, zlib.crc32(content), *[len(content)] * 2, len(encoded)
        )
        header = _LOCAL + common + struct.pack("<H", len(extra)) + encoded + extra
        yield header
        yield content
        # made by 1.0, …, no extra, no comment, disk 0, attributes 0, offset of the local header
        directory += b"PK\x01\x02" + struct.pack("<H", 10) + common + struct.pack("<HHHHII", 0, 0, 0, 0, 0, offset)
        directory += encoded
        offset += len(header) + len(content)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(directory), offset, 0)
    yield bytes(directory) + end


def write(path: str | Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Bundle:
    """Write a bundle, atomically: an existing file is replaced only by a complete one.

    Parameters
    ----------
    path
        Of the new file.
    manifest
        Its `members` are filled in here.
    contents
        Every member but the manifest.

    Returns
    -------
    Bundle
        As read back.
    """
    members = {name: Digest.of(content) for name, content in contents.items()}
    manifest = msgspec.structs.replace(manifest, members=members)
    encoded = encode_canonically(manifest)
    packed = pack({MANIFEST: encoded, **contents})
    bundle = Bundle.from_bytes(packed, source=str(path))
    write_atomically(path, packed)
    return bundle
