"""The reader of bundles, of the demo's: archives and manifests that lie, named by attack."""

import gc
import io
import json
import os
import struct
import zipfile

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from safetensors.numpy import load

import ecg2lab.demo
from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError

DEMO = os.path.join(os.path.dirname(ecg2lab.demo.__file__), "demo.ecg2lab")


@pytest.fixture(scope="module")
def demo():
    with open(DEMO, "rb") as file:
        return file.read()


@pytest.fixture(scope="module")
def small(demo):
    """Its members."""
    opened = Bundle.from_bytes(demo)
    return {name: opened.member(name) for name in opened.native.names}


def with_digests(manifest, contents):
    """Members of a bundle whose digests are right, however wrong the rest is."""
    manifest = dict(manifest)
    manifest["members"] = {n: msgspec.to_builtins(bundles.Digest.of(c)) for n, c in contents.items()}
    return {bundles.MANIFEST: json.dumps(manifest, ensure_ascii=False).encode("utf-8", "surrogateescape"), **contents}


def refused(content, message):
    with pytest.raises(BundleError) as raised:
        Bundle.from_bytes(content, "forged")
    assert message in str(raised.value)


def test_weights_and_golden_numbers_are_those_of_another_reader(demo):
    bundle = Bundle.from_bytes(demo)
    for name in (bundles.WEIGHTS, bundles.GOLDEN):
        ours, package = bundle.tensors(name), load(bundle.member(name))
        assert ours.keys() == package.keys()
        for key, array in ours.items():
            assert not array.flags.owndata
            assert not array.flags.writeable
            np.testing.assert_array_equal(array, package[key])


def test_arrays_outlive_their_bundle(demo):
    arrays = Bundle.from_bytes(demo).tensors(bundles.GOLDEN)
    gc.collect()
    np.testing.assert_array_equal(arrays["signal"], load(Bundle.from_bytes(demo).member(bundles.GOLDEN))["signal"])


@pytest.mark.parametrize(
    ("synthetic", "notice"),
    [(True, "synthetic weights"), (False, "research software"), (None, "weights of unstated origin")],
)
def test_the_notice_is_the_same_in_both_languages(small, synthetic, notice):
    manifest = json.loads(small[bundles.MANIFEST]) | {"synthetic_weights": synthetic}
    opened = Bundle.from_bytes(bundles.pack(with_digests(manifest, members_of(small))))
    assert opened.native.notice == opened.manifest.notice
    assert opened.manifest.notice.startswith(notice)


def members_of(small):
    return {name: content for name, content in small.items() if name != bundles.MANIFEST}


@examples(300)
@given(st.data())
def test_any_damage_to_the_demo_bundle_is_refused(demo, data):
    changed = bytearray(demo)
    place = data.draw(st.integers(0, len(demo) - 1))
    length = data.draw(st.integers(0, 100))
    changed[place : place + length] = data.draw(st.binary(max_size=100))
    if changed != demo:
        with pytest.raises(BundleError):
            Bundle.from_bytes(bytes(changed))


def test_bytes_before_between_or_behind_are_refused(small):
    content = bundles.pack(small)
    directory = content.index(b"PK\x01\x02")
    for place in (0, 2, directory, len(content) - 22, len(content)):
        refused(content[:place] + b"\0" + content[place:], "forged ")


def zipped(contents, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **options) as archive:
        for name, content in contents:
            archive.writestr(name, content)
    return out.getvalue()


def test_foreign_archives_are_refused_by_what_they_are(small):
    members = list(small.items())
    refused(b"", "is not an ecg2lab bundle")
    refused(b"P", "is not an ecg2lab bundle")
    refused(b"PK", "cut short")
    refused(b"\x89PNG" + bytes(100), "is not an ecg2lab bundle")
    refused(zipped([("a.txt", b"x")]), "is a zip archive, but not an ecg2lab bundle")
    refused(zipped(members, compression=zipfile.ZIP_DEFLATED), "stored, not compressed")
    refused(zipped(members), "not in the canonical layout")
    refused(zipped([*members, ("../../evil", b"x")]), "'../../evil', which is no part")
    refused(zipped([*members, ("/etc/passwd", b"x")]), "'/etc/passwd', which is no part")
    refused(zipped([*members, ("manifest.json/", b"")]), "which is no part")
    refused(zipped([member for member in members if member[0] != "card.md"]), "lacks card.md")


def test_an_empty_archive_has_no_manifest():
    refused(zipped([]), "it has no manifest.json")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_is_refused(small):
    members = list(small.items())
    refused(zipped([*members, members[-1]]), "holds a member twice")


def test_another_order_is_refused(small):
    reverse = dict(reversed(small.items()))
    original, bundles.MEMBERS = bundles.MEMBERS, tuple(reversed(bundles.MEMBERS))
    try:
        content = bundles.pack(reverse)
    finally:
        bundles.MEMBERS = original
    refused(content, "canonical layout")


def entry_at(content, index):
    place = -1
    for _ in range(index + 1):
        place = content.index(b"PK\x01\x02", place + 1)
    return place


@pytest.mark.parametrize("size", [0, 1, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("field", [20, 24, 42], ids=["compressed size", "size", "offset"])
def test_sizes_that_would_fill_memory_are_only_compared(small, size, field):
    """A bomb says that a member is huge; nothing is allocated for what a header says."""
    content = bytearray(bundles.pack(small))
    struct.pack_into("<I", content, entry_at(content, 2) + field, size)
    refused(bytes(content), "forged ")


@pytest.mark.parametrize("field", [28, 30, 32], ids=["name", "extra", "comment"])
def test_lengths_of_a_directory_entry_beyond_the_file(small, field):
    content = bytearray(bundles.pack(small))
    struct.pack_into("<H", content, entry_at(content, 5) + field, 0xFFFF)
    refused(bytes(content), "cut short")


@pytest.mark.parametrize("change", [(8, "<H", 0xFFFF), (10, "<H", 0xFFFF), (10, "<H", 0), (16, "<I", 2**32 - 1),
                                    (16, "<I", 0), (12, "<I", 2**32 - 1), (20, "<H", 1)])  # fmt: skip
def test_an_end_record_that_lies(small, change):
    content = bytearray(bundles.pack(small))
    offset, width, value = change
    struct.pack_into(width, content, len(content) - 22 + offset, value)
    refused(bytes(content), "forged ")


def test_digests_that_do_not_fit(small):
    manifest = json.loads(small[bundles.MANIFEST])
    for change in (
        lambda m: m["members"]["card.md"].update(size=1),
        lambda m: m["members"]["card.md"].update(sha256="0" * 64),
        lambda m: m["members"].pop("card.md"),
        lambda m: m["members"].update({"other": m["members"]["card.md"]}),
        lambda m: m["members"].update({"manifest.json": m["members"]["card.md"]}),
    ):
        wrong = json.loads(json.dumps(manifest))
        change(wrong)
        refused(bundles.pack(small | {bundles.MANIFEST: json.dumps(wrong).encode()}), "is damaged: ")


MANIFESTS = {
    "no JSON": lambda t: "[" * 100_000,
    "not UTF-8": lambda t: t.replace("mV", "\udcff", 1),
    "empty": lambda t: "",
    "null": lambda t: "null",
    "field twice": lambda t: t.replace('"opset"', '"opset": 1, "opset"', 1),
    "field twice, escaped": lambda t: t.replace('"opset"', '"\\u006fpset": 1, "opset"', 1),
    "unknown field": lambda t: t.replace('"opset"', '"unheard_of": 1, "opset"', 1),
    "unknown form": lambda t: t.replace('"form": "', '"form": "x', 1),
    "unknown precision": lambda t: t.replace('"precision": "fp32"', '"precision": "fp8"', 1),
    "opset a fraction": lambda t: t.replace('"opset": 17', '"opset": 17.0', 1),
    "causal a number": lambda t: t.replace('"causal": false', '"causal": 0', 1),
    "layers missing": lambda t: t.replace('"layers"', '"lagers"', 1),
    "lineage of another format": lambda t: t.replace('"format": "', '"format": "x', 1),
    "digest in capitals": lambda t: t.replace('"sha256": "', '"sha256": "A', 1),
    "tools not words": lambda t: t.replace('"tools": {', '"tools": {"x": 1, ', 1),
    "escapes": lambda t: t.replace('"tools": {', '"tools": {"x": "\\u001b[2J", ', 1),
    "text from right to left": lambda t: t.replace('"lab": "', '"lab": "\u202e', 1),
    "an invisible name": lambda t: t.replace('"tools": {', '"tools": {"\ufeff": "1", ', 1),
    "window enormous": lambda t: t.replace('"window_samples": 250', '"window_samples": 1' + "0" * 15, 1),
}  # fmt: skip


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS)
def test_an_invalid_manifest_is_refused(small, change):
    text = small[bundles.MANIFEST].decode()
    changed = change(text)
    assert changed != text
    refused(bundles.pack(small | {bundles.MANIFEST: changed.encode("utf-8", "surrogateescape")}), "invalid manifest")


@pytest.mark.parametrize(
    ("version", "message"),
    [("3", "reads up to 2"), ("1", "read no longer"), ("-1", "read no longer"), ("2.0", "invalid manifest"),
     ('"2"', "invalid manifest"), ("null", "invalid manifest")],
)  # fmt: skip
def test_another_version_is_named(small, version, message):
    text = small[bundles.MANIFEST].decode().replace('"schema_version": 2', f'"schema_version": {version}', 1)
    refused(bundles.pack(small | {bundles.MANIFEST: text.encode()}), message)


GATE = {
    "precision": "fp16", "windows": 10, "data": "simulated", "data_sha256": "0" * 64, "targets_by_labels": 2,
    "targets_expected": 0, "targets_unmeasured": [], "worst_auroc_loss": 0.001, "worst_target": "a",
    "macro_auroc_loss": -0.001, "limit": 0.002, "logit_error_max": 0.1, "logit_error_median": 0.01, "runtime": "r",
    "cpu": "c",
}  # fmt: skip
ODD = [None, True, 0, -1, 1, 0.5, 2**62, 1e300, "", "fp16", "bf16", "0" * 64, "0" * 63, [], ["a"], [1], {}]


@examples(200)
@given(st.data())
def test_a_changed_manifest_is_refused_by_name_or_shown_whole(small, data):
    """What the native reader accepts, Python's view of it decodes."""
    manifest = json.loads(small[bundles.MANIFEST])
    manifest["gates"] = {data.draw(st.sampled_from(["fp16", "fp16", "bf16", "fp32", ""])): dict(GATE)}
    manifest["step"] = data.draw(st.sampled_from([None, {"most_samples": 31, "state_size": 4}]))
    places = [manifest, manifest["network"], manifest["lineage"], *manifest["gates"].values()]
    place = data.draw(st.sampled_from([p for p in [*places, manifest["step"]] if p]))
    action = data.draw(st.sampled_from(["keep", "replace", "replace", "remove", "add"]))
    field = data.draw(st.sampled_from(sorted(place)))
    if action == "replace":
        place[field] = data.draw(st.sampled_from(ODD))
    elif action == "remove":
        del place[field]
    elif action == "add":
        place[data.draw(st.sampled_from(["unheard_of", "windows", "gates"]))] = data.draw(st.sampled_from(ODD))
    content = small | {bundles.MANIFEST: json.dumps(manifest).encode()}
    if isinstance(manifest.get("members"), dict) and manifest["members"]:
        content = with_digests(manifest, members_of(small))
    try:
        Bundle.from_bytes(bundles.pack(content), "forged")
    except BundleError as error:
        if "forged" not in str(error):
            raise


def test_what_is_no_file_is_refused_by_what_it_is(tmp_path, small):
    huge, locked = tmp_path / "huge.ecg2lab", tmp_path / "ä.ecg2lab"
    with huge.open("wb") as file:
        file.truncate(2**32)  # sparse: occupies nothing
    locked.write_bytes(bundles.pack(small))
    assert Bundle.open(locked).native.names[0] == bundles.MANIFEST
    for path, message in (
        (tmp_path / "absent", "there is no bundle at"),
        (tmp_path, "it is a folder"),
        ("/dev/zero", "no regular file"),
        (huge, "larger than any bundle"),
        ("a\0b", "holds a zero byte"),
    ):
        with pytest.raises(BundleError, match=message):
            Bundle.open(path)
