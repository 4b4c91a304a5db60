"""The tables of `docs/bad-input.md`, and what their rows may use.

A row says what is wrong, how (a Python expression, or a command), and the answer: `Type: message`, or `usage: message`
of a command that was misused. `…` stands for any text. Rows run in a folder that holds `model.ecg2lab` (the demo's),
`causal.ecg2lab`, `checkpoint.ckpt`, and one real ECG as `record.hea`, `ecg.dcm`, `ecg.edf`, `ecg.scp`, `ecg.ishne`,
`ecg.mwf`, `aecg.xml`, `muse.xml`, `philips.xml`, `cardiosoft.xml`, `schiller.xml`, `mortara.xml` and
`ecg.csv`. What makes a bad file returns its name.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock, patch

import binary_files
import msgspec
import numpy as np
import onnx
import safetensors.numpy
import text_files
from doc_blocks import ROOT
from ecg import Ecg

import ecg2lab
import ecg2lab_export
from ecg2lab import bundle as bundles
from ecg2lab import errors
from ecg2lab.backends import webgpu
from ecg2lab.backends.webgpu import device
from ecg2lab.backends.webgpu.adapter import Adapter
from ecg2lab.demo import bundle_path, record_path
from ecg2lab.recording.leads import STANDARD
from ecg2lab_export.checkpoint import torch_archive
from ecg2lab_training.cohort import tables

PAGE = ROOT / "docs" / "bad-input.md"
CHECKPOINT = ROOT / "tests" / "data" / "parity" / "bidirectional-small" / "checkpoint.ckpt"
OLD = ROOT / "tests" / "data" / "released" / "0.1.0" / "bidirectional.ecg2lab"
_CELL = re.compile(r"(?<!\\)\|")


class Row(NamedTuple):
    """One bad input."""

    what: str
    how: str
    answer: str


def rows() -> list[Row]:
    """Of all tables of the page: those whose second cell is code."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace(r"\|", "|") for cell in _CELL.split(line)[1:-1]]
        if len(cells) == 3 and cells[1].startswith("`"):
            found.append(Row(cells[0], cells[1].strip("`"), cells[2].strip("`")))
    return found


def lay_out(folder: Path, causal: Path) -> None:
    """Write the files that rows begin with."""
    header = record_path()
    shutil.copy(bundle_path(), folder / "model.ecg2lab")
    shutil.copy(causal, folder / "causal.ecg2lab")
    shutil.copy(OLD, folder / "old.ecg2lab")
    shutil.copy(CHECKPOINT, folder / "checkpoint.ckpt")
    (folder / "record.hea").write_text(header.read_text().replace(header.stem, "record"))
    shutil.copy(header.with_suffix(".mat"), folder / "record.mat")
    recording = ecg2lab.read(header)
    ecg = Ecg(recording.samples, 500, recording.leads)
    for name, content in {
        "ecg.dcm": binary_files.dicom(ecg),
        "ecg.edf": binary_files.edf(ecg),
        "ecg.scp": binary_files.scp(ecg),
        "ecg.ishne": binary_files.ishne(ecg),
        "ecg.mwf": binary_files.mfer(ecg),
        "aecg.xml": text_files.aecg(ecg),
        "muse.xml": text_files.muse(ecg),
        "philips.xml": text_files.philips(ecg, form="base64"),
        "cardiosoft.xml": text_files.cardiosoft(ecg),
        "schiller.xml": text_files.schiller(ecg),
        "mortara.xml": text_files.mortara(ecg),
        "ecg.csv": text_files.csv(ecg),
    }.items():
        (folder / name).write_bytes(content)
    for name, text in PATIENT_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    lay_out_hospital(folder / "hospital-without-gender", "gender")


PATIENT_FILES = {
    "twice.json": '{"age": 63, "age": 64}',
    "unknown.json": '{"age": 63, "name": "Doe"}',
    "name.json": '{"age": "Doe"}',
    "edge-field.json": '{"prot": 8080}',
    "edge-open.json": '{"http": {"host": "0.0.0.0"}}',
    "edge-dicom.json": '{"dicom": {"host": "0.0.0.0"}}',
    "edge-mllp.json": '{"mllp": {"host": "0.0.0.0"}}',
    "edge-zone.json": '{"facts": {"zone": "Europe/Nowhere"}}',
    "edge-names.json": '{"destinations": [{"kind": "files", "name": "disk", "folder": "a"}, '
    '{"kind": "files", "name": "disk", "folder": "b"}]}',
    "edge-folder.json": '{"state": "model.ecg2lab"}',
    "huge.json": '{"name": "huge", "epochs": 1000000000000000000000000000000}',
}
WHOLE_PATIENT = ecg2lab.Patient(
    age=63, sex="female", race="white", respiratory_per_min=16, spo2_percent=97, diastolic_mmhg=70, systolic_mmhg=128,
    heart_rate_bpm=80, temperature_f=98.6, height_cm=170, weight_kg=70,
)  # fmt: skip


def node(engine: ecg2lab.Engine, **told: Any) -> Any:
    """An edge node that keeps its recordings here, and does not answer."""
    from ecg2lab.edge import config
    from ecg2lab.edge.node import Node

    return Node(engine, config.decode(told, "told"), Path())


def lay_out_hospital(folder: Path, missing: str) -> None:
    """Tables of which one column is missing; no rows, for the columns are asked for first."""
    folder.mkdir()
    for stem, layout in tables.LAYOUT.items():
        header = ",".join(column for column in layout.columns if column != missing)
        (folder / f"{stem}.csv").write_text(header + "\n", encoding="utf-8")


def names(engine: ecg2lab.Engine) -> dict[str, Any]:
    """What a row's Python may use."""
    recording = ecg2lab.read("record.hea")
    contract = engine.contract
    shape = len(contract.signal.leads), contract.signal.window_samples
    return {
        "ecg2lab": ecg2lab,
        "np": np,
        "engine": engine,
        "recording": recording,
        "samples": recording.samples,
        "leads": list(STANDARD),
        "signal": np.zeros((1, *shape), np.float32),
        "numbers": np.zeros((1, len(contract.continuous)), np.float32),
        "codes": np.zeros((1, len(contract.categorical)), np.int64),
        "node": functools.partial(node, engine),
        "file": file,
        "cut": cut,
        "longer": longer,
        "edited": edited,
        "flipped": flipped,
        "zipped": zipped,
        "newer": newer,
        "other": other,
        "restated": restated,
        "with_categories": with_categories,
        "with_operator": with_operator,
        "with_product": with_product,
        "weights": weights,
        "hostile": hostile,
        "without_weight": without_weight,
        "reshaped": reshaped,
        "whole": WHOLE_PATIENT,
        "without": without,
        "in_a_fork": in_a_fork,
        "on_gpus": on_gpus,
        "lost_gpu": lost_gpu,
        "webgpu": lambda **options: ecg2lab.load("model.ecg2lab", backend="webgpu", **options),
        "export": ecg2lab_export.export,
        "record": lambda **leads: _record(recording, leads),
        "stream": lambda **options: engine.stream(**{"fs": 500, "leads": STANDARD, "unit": "mV"} | options),
        "predict": lambda **facts: engine.predict(recording, ecg2lab.Patient(**facts)),
    }


def file(name: str, content: str | bytes = "") -> str:
    """A file of this content."""
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def cut(name: str, size: int) -> str:
    """The first bytes of a file; below zero: all but so many."""
    return file(f"cut-{name}", Path(name).read_bytes()[:size])


def longer(name: str) -> str:
    """A file with a byte too many."""
    return file(f"longer-{name}", Path(name).read_bytes() + b"x")


def edited(name: str, old: str, new: str) -> str:
    """A file with a text exchanged wherever it stands."""
    content = Path(name).read_bytes()
    encoding = "utf-16-le" if content.startswith(b"\xff\xfe") else "utf-8"
    assert old.encode(encoding) in content, f"{name} does not hold {old}"
    return file(f"edited-{name}", content.replace(old.encode(encoding), new.encode(encoding)))


def flipped(name: str, at: int) -> str:
    """A file of which one bit of one byte is another."""
    content = bytearray(Path(name).read_bytes())
    content[at] ^= 1
    return file(f"flipped-{name}", bytes(content))


def zipped(name: str, **members: str | bytes) -> str:
    """An ordinary zip archive."""
    with zipfile.ZipFile(name, "w") as archive:
        for member, content in members.items():
            archive.writestr(member.replace("_", "."), content)
    return name


def weights(name: str, **arrays: Any) -> str:
    """A checkpoint of these arrays."""
    return file(name, safetensors.numpy.save(arrays))


def _weights_of(name: str) -> dict[str, Any]:
    return dict(torch_archive.read(name)["state_dict"])


def without_weight(name: str, key: str) -> str:
    """A checkpoint that lacks one of its arrays."""
    found = _weights_of(name)
    del found[key]
    return weights(f"without-{Path(name).stem}.safetensors", **found)


def reshaped(name: str, key: str) -> str:
    """A checkpoint of which one array has a row too many."""
    found = _weights_of(name)
    return weights(f"reshaped-{Path(name).stem}.safetensors", **found | {key: np.repeat(found[key], 2, axis=0)})


def hostile(name: str) -> str:
    """A checkpoint that writes a file when it is unpickled as pickles are."""
    code = pickle.dumps({"state_dict": _Writes()}, protocol=2)
    return zipped(name, **{"archive/data_pkl": code, "archive/version": "3"})


class _Writes:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch was-here",)


def without(package: str, call: Callable[[], Any]) -> Any:
    """Call while a package is not installed."""
    there = importlib.util.find_spec
    with patch("importlib.util.find_spec", lambda name: None if name == package else there(name)):
        return call()


def in_a_fork(call: Callable[[], Any]) -> Any:
    """Call in a process that is forked off; what it raises, this one does."""
    ending, beginning = os.pipe()
    if (child := os.fork()) == 0:
        try:
            call()
        except ecg2lab.Ecg2LabError as error:
            os.write(beginning, json.dumps([type(error).__name__, str(error)]).encode())
        os._exit(0)
    os.close(beginning)
    os.waitpid(child, 0)
    with os.fdopen(ending) as said:
        kind, message = json.load(said)
    raise getattr(errors, kind)(message)


def on_gpus(kinds: list[Any], call: Callable[[], Any], memory: int | None = None) -> Any:
    """Call on a machine that shows adapters of these kinds."""
    facts = {"api": "Vulkan 1.3", "driver": "D", "f16": None, "memory_bytes": memory}
    shown = [Adapter(index=i, name=f"A {kind} GPU", kind=kind, **facts) for i, kind in enumerate(kinds)]
    with patch.multiple(webgpu, Package=Mock(), adapters=lambda: shown):
        return call()


def lost_gpu() -> None:
    """Ask a GPU that fails while it computes."""
    failure = RuntimeError("webgpu.cc:1 Download status == Success was false. message: [Device] is lost.")
    session = Mock(io_binding=Mock(side_effect=failure))
    card = Adapter(index=0, name="A GPU", kind="discrete", api="Vulkan 1.3", driver="D", f16=None, memory_bytes=None)
    with (
        patch.object(device.Device, "open_session", lambda self, graph: session),
        patch.object(device, "tensors_of", lambda session: {}),
    ):
        device.WebGpuGraph(b"", device.Device(Mock(versions={}), card, lambda: [card])).run([], {})


def newer(name: str) -> str:
    """A bundle as a later version of ecg2lab might write it."""
    version = f'"schema_version": {bundles.SCHEMA_VERSION}'
    return _said_otherwise(f"newer-{name}", name, version, version[:-1] + "9")


def other(name: str) -> str:
    """A bundle whose network is of a kind that a later ecg2lab may bring."""
    return _said_otherwise(f"other-{name}", name, bundles.S4_FUSION, "of-tomorrow")


def _said_otherwise(changed: str, name: str, said: str, otherwise: str) -> str:
    """A bundle, whole but for what its manifest says."""
    opened = ecg2lab.Bundle.open(name)
    manifest = opened.member(bundles.MANIFEST).replace(said.encode(), otherwise.encode(), 1)
    members = {member: opened.member(member) for member in opened.manifest.members}
    return file(changed, bundles.pack({bundles.MANIFEST: manifest} | members))


def _forged(name: str, **members: bytes) -> str:
    """A bundle of which members are others, and whose digests are right however wrong the rest is."""
    opened = ecg2lab.Bundle.open(name)
    contents = {member: opened.member(member) for member in (bundles.MANIFEST, *opened.manifest.members)}
    contents |= {member.replace("_", "."): content for member, content in members.items()}
    manifest = json.loads(contents.pop(bundles.MANIFEST))
    digests = {member: bundles.Digest.of(content) for member, content in contents.items()}
    manifest["members"] = msgspec.to_builtins(digests)
    return file(f"forged-{name}", bundles.pack({bundles.MANIFEST: json.dumps(manifest).encode()} | contents))


def restated(name: str, **fields: Any) -> str:
    """A bundle whose manifest says something else; what is a dictionary there is changed in part."""
    manifest = json.loads(ecg2lab.Bundle.open(name).member(bundles.MANIFEST))
    for field, value in fields.items():
        manifest[field] = manifest[field] | value if isinstance(value, dict) else value
    return _forged(name, manifest_json=json.dumps(manifest).encode())


def with_categories(name: str, count: int) -> str:
    """A bundle whose contract has so many categories of the last feature, whatever the network was made for."""
    features = json.loads(ecg2lab.Bundle.open(name).member(bundles.MANIFEST))["contract"]["categorical"]
    features[-1]["categories"] += [f"more {i}" for i in range(count - len(features[-1]["categories"]))]
    return restated(name, contract={"categorical": features})


def _with_node(name: str, node: onnx.NodeProto, **constants: Any) -> str:
    model = onnx.load_from_string(ecg2lab.Bundle.open(name).member(bundles.WINDOW_GRAPH))
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, key) for key, value in constants.items())
    model.graph.node.insert(0, node)
    return _forged(name, window_onnx=model.SerializeToString())


def with_operator(name: str, operator: str) -> str:
    """A bundle whose graph has one more operator."""
    domain, _, operator = operator.rpartition(".")
    return _with_node(name, onnx.helper.make_node(operator, ["signal"], ["more"], domain=domain))


def with_product(name: str, rows: int) -> str:
    """A bundle whose graph multiplies a column with a row."""
    node = onnx.helper.make_node("MatMul", ["column", "row"], ["square"])
    return _with_node(name, node, column=np.ones((rows, 1), np.float32), row=np.ones((1, rows), np.float32))


def _record(recording: ecg2lab.Recording, leads: dict[str, Any]) -> ecg2lab.Recording:
    """The real ECG with leads exchanged: numbers as they are, functions of what the lead was."""
    samples = recording.samples.copy()
    for lead, new in leads.items():
        row = recording.leads.index(lead)
        samples[row] = new(samples[row]) if callable(new) else new
    return ecg2lab.Recording(samples, fs=recording.fs, leads=recording.leads, unit="mV")
