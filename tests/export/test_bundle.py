"""The bundle format: alignment, any unzip lists it, and every hostile or damaged file is refused; named by attack."""

import hashlib
import io
import json
import struct
import zipfile

import msgspec
import pytest

from ecg2lab import bundle as bundles
from ecg2lab.bundle import EXPERIENCE, MEMBERS, STEP_GRAPH, Bundle, pack
from ecg2lab.errors import BundleError


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sealed(contents, **changes):
    """Pack contents with a manifest that tells the truth about them, its top-level fields changed."""
    manifest = json.loads(contents["manifest.json"])
    manifest["members"] = {
        name: {"size": len(x), "sha256": hashlib.sha256(x).hexdigest()}
        for name, x in contents.items()
        if name != "manifest.json"
    }
    return {**contents, "manifest.json": json.dumps(manifest | changes).encode()}


def repack(contents, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def refused(content, match=None):
    with pytest.raises(BundleError, match=match):
        Bundle.from_bytes(bytes(content))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mask", "step"), [(0x80, 5), *(pytest.param(mask, 1, marks=pytest.mark.soak) for mask in (0x01, 0x80, 0xFF))]
)
def test_every_flipped_byte_is_refused(small_bundle, mask, step):
    """Headers, padding, contents, directory; in a soak all of them. Only BundleError, whatever zipfile makes of it."""
    content = bytearray(small_bundle)
    accepted = []
    for position in range(0, len(content), step):
        content[position] ^= mask
        try:
            Bundle.from_bytes(bytes(content))
            accepted.append(position)
        except BundleError:
            pass
        content[position] ^= mask
    assert accepted == []
    Bundle.from_bytes(bytes(content))


@pytest.mark.slow
def test_every_flipped_bit_of_the_headers_is_refused(small_bundle):
    """A flag bit can ask zipfile for a password, a method for another decoder, a size for more memory than there is."""
    with zipfile.ZipFile(io.BytesIO(small_bundle)) as archive:
        starts = [info.header_offset for info in archive.infolist()]
        directory = archive.start_dir
    content = bytearray(small_bundle)
    for position in (*(s + i for s in starts for i in range(30)), *range(directory, len(content))):
        for bit in range(8):
            content[position] ^= 1 << bit
            refused(content)
            content[position] ^= 1 << bit


def test_every_truncation_is_refused(small_bundle):
    for end in range(len(small_bundle)):
        if end < 2000 or end % 37 == 0 or end > len(small_bundle) - 1500:
            refused(small_bundle[:end])


def test_truncation_at_every_member_is_refused(small_bundle):
    with zipfile.ZipFile(io.BytesIO(small_bundle)) as archive:
        for info in archive.infolist():
            for around in (-1, 0, 1):
                refused(small_bundle[: max(0, info.header_offset + around)])
        refused(small_bundle[: archive.start_dir])


@pytest.mark.parametrize("tail", [b"\0", b"x", b"PK\x05\x06" + bytes(18), bytes(64)], ids=repr)
def test_appended_bytes_are_refused(small_bundle, tail):
    refused(small_bundle + tail)


def test_prepended_bytes_are_refused(small_bundle):
    """A self-extracting archive is still a zip."""
    refused(b"#!/bin/sh\n" + small_bundle)
    refused(b"PK" + small_bundle)


def test_a_comment_is_refused(small_bundle):
    commented = bytearray(small_bundle + b"hi")
    commented[-4:-2] = struct.pack("<H", 2)
    refused(commented)


def test_the_same_members_repacked_by_another_zip_are_refused(small_bundle):
    refused(repack(members(small_bundle)), match="repacked")


def test_compressed_members_are_refused_before_they_are_unpacked(small_bundle):
    contents = members(small_bundle) | {"weights.safetensors": bytes(10**7)}
    refused(repack(contents, zipfile.ZIP_DEFLATED), match="repacked: members of a bundle are stored")


@pytest.mark.parametrize(
    "name", ["extra.txt", "../manifest.json", "/etc/passwd", "model.pkl", "window.onnx/", "Window.onnx"]
)
def test_a_member_that_is_no_part_of_a_bundle_is_refused(small_bundle, name):
    refused(repack(members(small_bundle) | {name: b"x"}), match="no part of a bundle")


def test_a_member_outside_the_folder_is_refused_even_in_canonical_layout(small_bundle, monkeypatch):
    monkeypatch.setattr(bundles, "MEMBERS", (*MEMBERS, "../evil"))
    content = pack(members(small_bundle) | {"../evil": b"x"})
    monkeypatch.undo()
    refused(content, match="no part of a bundle")


def test_a_member_twice_is_refused(small_bundle):
    buffer = io.BytesIO(repack(members(small_bundle)))
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("card.md", b"other")
    refused(buffer.getvalue(), match="twice")


@pytest.mark.parametrize("name", ["window.onnx", "weights.safetensors", "golden.safetensors", "parity.json", "card.md"])
def test_a_missing_member_is_named(small_bundle, name):
    contents = members(small_bundle)
    del contents[name]
    refused(pack(sealed(contents)), match=name)


def test_a_zip_that_is_no_bundle_is_refused_as_such(small_bundle):
    contents = members(small_bundle)
    del contents["manifest.json"]
    refused(pack(contents), match=r"no manifest\.json")
    refused(repack({}), match=r"damaged|not an ecg2lab bundle")
    refused(b"", match="not an ecg2lab bundle")
    refused(b"hello", match="not an ecg2lab bundle")
    refused(b"PK", match="damaged")


@pytest.mark.parametrize("name", [m for m in MEMBERS if m not in ("manifest.json", STEP_GRAPH, EXPERIENCE)])
def test_a_member_other_than_the_manifest_says_is_refused(small_bundle, name):
    """The layout is right and so are the zip's check sums: only the digest tells."""
    contents = members(small_bundle)
    changed = bytearray(contents[name])
    changed[len(changed) // 2] ^= 1
    refused(pack(contents | {name: bytes(changed)}), match=f"{name} is not what its manifest says")


def test_a_manifest_that_lies_about_size_or_members_is_refused(small_bundle):
    contents = members(small_bundle)
    manifest = json.loads(contents["manifest.json"])
    wrong_size, too_many, too_few = (json.loads(contents["manifest.json"]) for _ in range(3))
    wrong_size["members"]["card.md"]["size"] += 1
    too_many["members"]["step.onnx"] = manifest["members"]["card.md"]
    del too_few["members"]["card.md"]
    for lie in (wrong_size, too_many, too_few):
        refused(pack(contents | {"manifest.json": json.dumps(lie).encode()}), match="damaged")


def test_a_member_that_the_manifest_does_not_know_is_refused(small_bundle):
    refused(pack(members(small_bundle) | {"step.onnx": b"x"}), match=r"step\.onnx is not what its manifest says")


@pytest.mark.parametrize("version", [3, 99])
def test_a_newer_version_is_refused_by_number(small_bundle, version):
    contents = sealed(members(small_bundle), schema_version=version, unheard_of={"fields": 1})
    refused(pack(contents), match=f"bundle version {version}; this ecg2lab reads up to 2")


@pytest.mark.parametrize("version", [0, 1])
def test_an_older_version_is_refused_with_what_to_do(small_bundle, version):
    contents = sealed(members(small_bundle), schema_version=version, unheard_of={"fields": 1})
    refused(pack(contents), match=f"bundle version {version}, which is read no longer; export it again")


@pytest.mark.parametrize(
    "changes",
    [
        {"schema_version": "1"},
        {"schema_version": None},
        {"unheard_of": 1},
        {"form": "x"},
        {"precision": "fp64"},
        {"opset": "17"},
        {"synthetic_weights": 1},
        {"contract": {}},
        {"tools": {"ecg2lab": 1}},
        {"lineage": None},
    ],
    ids=str,
)
def test_a_manifest_with_another_meaning_is_refused(small_bundle, changes):
    refused(pack(sealed(members(small_bundle), **changes)), match="manifest")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{" * 50000, b"[" * 100000, b'{"schema_version": 1e999}']
)
def test_a_manifest_that_is_no_json_object_is_refused(small_bundle, text):
    refused(pack(members(small_bundle) | {"manifest.json": text}), match="manifest")


def test_members_start_at_multiples_of_64_bytes(small_bundle):
    """So that numbers can be mapped and used in place."""
    with zipfile.ZipFile(io.BytesIO(small_bundle)) as archive:
        for info in archive.infolist():
            name, extra = struct.unpack("<HH", small_bundle[info.header_offset + 26 : info.header_offset + 30])
            start = info.header_offset + 30 + name + extra
            assert start % 64 == 0
            assert small_bundle[start : start + info.file_size] == archive.read(info)


def test_any_unzip_lists_and_checks_a_bundle(small_bundle):
    with zipfile.ZipFile(io.BytesIO(small_bundle)) as archive:
        assert archive.testzip() is None
        names = [info.filename for info in archive.infolist()]
        assert names == [m for m in MEMBERS if m in names]
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.flag_bits == 0


def test_packing_what_was_unpacked_gives_the_same_bytes(small_bundle):
    contents = members(small_bundle)
    assert pack(contents) == small_bundle
    assert pack(dict(reversed(contents.items()))) == small_bundle


def test_empty_and_odd_contents_are_packed_canonically():
    for sizes in ((0, 0), (1, 63), (64, 65), (2, 4096)):
        contents = {name: bytes(size) for name, size in zip(("manifest.json", "card.md"), sizes, strict=True)}
        assert members(pack(contents)) == contents


def test_the_digest_covers_every_member(small_bundle):
    """Two bundles that differ in one byte of a member have different manifests, and so different digests."""
    contents = members(small_bundle)
    other = pack(sealed(contents | {"card.md": contents["card.md"] + b" "}))
    assert Bundle.from_bytes(other).digest != Bundle.from_bytes(pack(sealed(contents))).digest


def test_no_member_is_a_pickle_or_code(small_bundle):
    for name, content in members(small_bundle).items():
        assert name in MEMBERS
        assert not content.startswith((b"\x80", b"\x7fELF", b"PK", b"#!"))


def test_what_was_written_reads_back_equal(small_bundle, tmp_path):
    opened = Bundle.from_bytes(small_bundle)
    contents = {name: x for name, x in members(small_bundle).items() if name != "manifest.json"}
    written = bundles.write(
        tmp_path / "deep" / "x.ecg2lab", msgspec.structs.replace(opened.manifest, members={}), contents
    )
    assert written.manifest == opened.manifest
    assert (tmp_path / "deep" / "x.ecg2lab").read_bytes() == small_bundle
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["x.ecg2lab"]


def test_a_missing_file_a_folder_and_a_missing_member_are_named(small_bundle, tmp_path):
    with pytest.raises(BundleError, match=r"no bundle at .*absent\.ecg2lab"):
        Bundle.open(tmp_path / "absent.ecg2lab")
    with pytest.raises(BundleError, match="cannot read bundle"):
        Bundle.open(tmp_path)
    with pytest.raises(BundleError, match=r"has no step\.onnx"):
        Bundle.from_bytes(small_bundle).member("step.onnx")
