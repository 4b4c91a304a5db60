"""The native reader of bundles: what Python opens it opens, and what Python refuses it refuses; attacks by name."""

import io
import json
import os
import struct
import zipfile

import msgspec
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from safetensors.numpy import load

import ecg2lab.demo
from ecg2lab import bundle as bundles
from ecg2lab import tensors
from ecg2lab._native import _core
from ecg2lab.bundle import Bundle
from ecg2lab.errors import BundleError

DEMO = os.path.join(os.path.dirname(ecg2lab.demo.__file__), "demo.ecg2lab")


@pytest.fixture(scope="module")
def demo():
    with open(DEMO, "rb") as file:
        return file.read()


@pytest.fixture(scope="module")
def small(demo):
    """The same with little in it, so that every byte can be tried; its golden numbers and its graph say nothing."""
    opened = Bundle.from_bytes(demo)
    graph = onnx.ModelProto(ir_version=8)
    graph.graph.node.add(op_type="Identity")
    contents = {name: b"{}" for name in bundles.MEMBERS if name not in (bundles.MANIFEST, bundles.STEP_GRAPH)}
    contents |= {bundles.WINDOW_GRAPH: graph.SerializeToString(), bundles.CARD: b"# card\n" * 9}
    manifest = json.loads(opened.member(bundles.MANIFEST))
    manifest["contract"]["targets"] = manifest["contract"]["targets"][:2]
    return with_digests(manifest, contents)


def with_digests(manifest, contents):
    """Members of a bundle whose digests are right, however wrong the rest is."""
    manifest = dict(manifest)
    manifest["members"] = {n: msgspec.to_builtins(bundles.Digest.of(c)) for n, c in contents.items()}
    return {bundles.MANIFEST: json.dumps(manifest, ensure_ascii=False).encode("utf-8", "surrogateescape"), **contents}


def both(content):
    """The same verdict of both readers: the opened bundle, or None with the native reader's sentence."""
    try:
        theirs = Bundle.from_bytes(content, "forged")
    except BundleError:
        theirs = None
    try:
        ours, said = _core.Bundle.from_bytes(content, "forged"), ""
    except BundleError as error:
        ours, said = None, str(error)
    assert (ours is None) == (theirs is None), f"native: {said or 'accepted'}"
    if ours is not None:
        assert ours.digest == theirs.digest
    return ours, said


def refused(content, message):
    opened, said = both(content)
    assert opened is None
    assert message in said


def test_a_bundle_is_read_as_python_reads_it(demo):
    ours, theirs = _core.Bundle.open(DEMO), Bundle.open(DEMO)
    assert ours.digest == theirs.digest
    assert ours.notice == theirs.manifest.notice
    assert ours.precision == theirs.manifest.precision
    assert ours.names == [name for name in bundles.MEMBERS if name in theirs._contents]
    for name in ours.names:
        assert ours.member(name) == theirs.member(name)
    assert ours.contract.to_dict()["targets"] == json.loads(msgspec.json.encode(theirs.contract.targets))


def test_weights_and_golden_numbers_are_those_of_two_other_readers(demo):
    bundle = _core.Bundle.from_bytes(demo)
    for name in (bundles.WEIGHTS, bundles.GOLDEN):
        content = bundle.member(name)
        ours, theirs, package = _core.read_tensors(content, name), tensors.read(content, name), load(content)
        assert ours.keys() == theirs.keys() == package.keys()
        for key, array in ours.items():
            assert array.dtype == theirs[key].dtype
            np.testing.assert_array_equal(array, theirs[key])
            np.testing.assert_array_equal(array, package[key])


def test_a_member_that_is_not_there_is_named(demo):
    with pytest.raises(BundleError, match=r"has no step\.onnx"):
        _core.Bundle.from_bytes(demo).member("step.onnx")


@pytest.mark.parametrize(
    ("synthetic", "notice"),
    [(True, "synthetic weights"), (False, "research software"), (None, "weights of unstated origin")],
)
def test_the_notice_is_pythons(small, synthetic, notice):
    manifest = json.loads(small[bundles.MANIFEST]) | {"synthetic_weights": synthetic}
    content = bundles.pack(with_digests(manifest, members_of(small)))
    ours, _ = both(content)
    assert ours.notice == Bundle.from_bytes(content).manifest.notice
    assert ours.notice.startswith(notice)


def members_of(small):
    return {name: content for name, content in small.items() if name != bundles.MANIFEST}


def test_every_truncation_is_refused(small):
    content = bundles.pack(small)
    assert both(content)[0]
    for end in range(len(content)):
        with pytest.raises(BundleError):
            _core.Bundle.from_bytes(content[:end])


def test_every_flipped_byte_is_refused(small):
    content = bundles.pack(small)
    for position in range(len(content)):
        for mask in (0x01, 0xFF):
            changed = bytearray(content)
            changed[position] ^= mask
            with pytest.raises(BundleError):
                _core.Bundle.from_bytes(bytes(changed))


@examples(300)
@given(st.data())
def test_any_damage_to_the_demo_bundle_is_refused(demo, data):
    changed = bytearray(demo)
    place = data.draw(st.integers(0, len(demo) - 1))
    length = data.draw(st.integers(0, 100))
    changed[place : place + length] = data.draw(st.binary(max_size=100))
    if changed != demo:
        with pytest.raises(BundleError):
            _core.Bundle.from_bytes(bytes(changed))


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
    refused(zipped(members[:-1]), "lacks card.md")


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
    "window enormous": lambda t: t.replace('"window_samples": 250', '"window_samples": 1' + "0" * 15, 1),
}  # fmt: skip


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS)
def test_an_invalid_manifest_is_refused_by_both(small, change):
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


@examples(400)
@given(st.data())
def test_a_changed_manifest_is_accepted_by_both_or_refused_by_both(small, data):
    """Whole numbers beyond 64 bits apart, which only Python has."""
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
    both(bundles.pack(content))


def test_a_graph_that_points_out_of_the_bundle_is_refused(small):
    graph = onnx.ModelProto(ir_version=8)
    graph.graph.node.add().attribute.add().t.data_location = onnx.TensorProto.EXTERNAL
    manifest = json.loads(small[bundles.MANIFEST])
    for content, message in (
        (graph.SerializeToString(), "outside the bundle"),
        (b"\xff" * 64, "no ONNX graph"),
        (graph.SerializeToString()[:-1], "no ONNX graph"),
    ):
        refused(bundles.pack(with_digests(manifest, members_of(small) | {bundles.WINDOW_GRAPH: content})), message)


@examples(500)
@given(st.data())
def test_both_guards_say_the_same_of_any_bytes(demo, data):
    from ecg2lab.onnx_guard import refers_outside

    tensor = onnx.TensorProto(data_type=1, data_location=data.draw(st.integers(0, 1)))
    model = onnx.ModelProto(ir_version=8)
    attribute = model.graph.node.add().attribute.add()
    places = [
        lambda: model.graph.initializer.append(tensor),
        lambda: attribute.t.CopyFrom(tensor),
        lambda: attribute.g.sparse_initializer.add().indices.CopyFrom(tensor),
        lambda: model.functions.add().node.add().attribute.add().tensors.append(tensor),
    ]
    data.draw(st.sampled_from(places))()
    content = bytearray(model.SerializeToString())
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    def verdict(guard):
        try:
            return guard(bytes(content))
        except ValueError:
            return "no message"

    assert verdict(_core.refers_outside) == verdict(refers_outside)


def test_what_is_no_file_is_refused_by_what_it_is(tmp_path, small):
    huge, locked = tmp_path / "huge.ecg2lab", tmp_path / "ä.ecg2lab"
    with huge.open("wb") as file:
        file.truncate(2**32)  # sparse: occupies nothing
    locked.write_bytes(bundles.pack(small))
    assert _core.Bundle.open(str(locked)).names[0] == bundles.MANIFEST
    for path, message in (
        (tmp_path / "absent", "there is no bundle at"),
        (tmp_path, "it is a folder"),
        ("/dev/zero", "no regular file"),
        (huge, "larger than any bundle"),
        ("a\0b", "not UTF-8"),
        ("", "there is no bundle"),
    ):
        with pytest.raises(BundleError, match=message):
            _core.Bundle.open(str(path))
