"""Make tests/data/released/0.1.0 anew. It runs with the code of 0.1.0 only: what lies there is what that release did.

    python tests/data/released/make_0_1_0.py        in the root of a checkout of 0.1.0, with a C compiler

One precision is not what that release makes everywhere: int8 wants a CPU with 8-bit dot products, and this ran on one
without. Its integers were summed exactly all the same, by plain C++ and by the reference evaluator of the package onnx.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

import msgspec
import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from safetensors.torch import load_file

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
OUT = HERE / "0.1.0"
sys.path[:0] = [str(ROOT / "tests" / part) for part in ("", "released", "native")]

import cart_answers  # noqa: E402
import old_answers  # noqa: E402
import old_header  # noqa: E402
from old_answers import COMMANDS, DATA, FULL, ask, golden_logits  # noqa: E402

import ecg2lab  # noqa: E402
from conftest import make_network  # noqa: E402
from ecg2lab import contract as contracts  # noqa: E402
from ecg2lab.contract import BandPass, Calibration, Limit, Notch  # noqa: E402
from ecg2lab.leads import STANDARD  # noqa: E402
from ecg2lab.report import document  # noqa: E402
from ecg2lab_export import cardiolab, export, proof  # noqa: E402

PARITY = DATA / "parity"
PATIENT = {
    "age": 63, "sex": "female", "race": "white", "respiratory_per_min": 17, "spo2_percent": 96.5, "diastolic_mmhg": 71,
    "systolic_mmhg": 128, "heart_rate_bpm": 84, "temperature_c": 37.2, "height_cm": 166.5, "weight_kg": 71.25,
}  # fmt: skip
BACKENDS = {"bidirectional": "native", "causal": "native", "int8": "native", "filtered": "native", "bare": "native",
            "fp16": "onnxruntime", "bf16": "onnxruntime"}  # fmt: skip
"""That answered: native has fp16 nowhere, and bf16 on CPUs that have instructions for it."""


SEED, WINDOW = 10, 150
"""Of the small networks: 1.5 s, since the golden windows and the graph's constants are most of a bundle."""


def filtered(contract):
    """The contract that asks for all that is optional."""
    replace = msgspec.structs.replace
    preprocessing = replace(
        contract.preprocessing, band_pass=BandPass(low_hz=0.5, high_hz=40.0), notch=Notch(frequency_hz=50)
    )
    quality = replace(contract.quality, noise=Limit(warn=0.01, refuse=0.2), wander=Limit(warn=0.2, refuse=5.0))
    first, second, *others = contract.targets
    targets = (
        replace(first, calibration=Calibration(slope=0.8, intercept=-0.25)),
        replace(second, decision_threshold=None),
        *others,
    )
    return replace(
        contract, name="filtered test model (random weights)", preprocessing=preprocessing, quality=quality,
        targets=targets, missing_flags="continuous", population=replace(contract.population, minimum_age=21.0),
    )  # fmt: skip


class ExactSession:
    """Stands in for ONNX Runtime, whose 8-bit sums saturate on this CPU: the package onnx adds whole numbers."""

    def __init__(self, model, threads):
        self.evaluator = ReferenceEvaluator(onnx.load_from_string(model))

    def run(self, outputs, feed):
        return self.evaluator.run(outputs, feed)


@contextlib.contextmanager
def eight_bit_sums_in_plain_code():
    def session(model, threads):
        whole = any(node.op_type.endswith("Integer") for node in onnx.load_from_string(model).graph.node)
        return (ExactSession if whole else real_session)(model, threads)

    real_session = proof.make_session
    with (
        mock.patch("ecg2lab.cpu.require"),
        mock.patch("ecg2lab.backends.native.computes", return_value=True),
        mock.patch("ecg2lab.backends.native.make_engine", old_answers.in_plain_cpp()),
        mock.patch.object(proof, "make_session", session),
    ):
        yield


def make_bundles(work):
    published = contracts.read(PARITY / "contract.json")
    contract = msgspec.structs.replace(
        published, signal=msgspec.structs.replace(published.signal, window_samples=WINDOW)
    )
    sizes = {"hidden": 6, "state": 4, "layers": 2, "length": WINDOW, "targets": len(contract.targets), "widths": (8, 8)}
    small = work / "small.safetensors"

    def make(name, contract, numbers=10, directions=2, **options):
        network = make_network(SEED, directions=directions, numbers=numbers, tables=((2, 4), (5, 4)), **sizes)
        cardiolab.write(network, small)
        if contract is None:  # as the authors' checkpoints come
            torch.save({"state_dict": load_file(small)}, small.with_suffix(".ckpt"))
        export(small if contract else small.with_suffix(".ckpt"), OUT / f"{name}.ecg2lab", contract=contract, **options)

    stated = {"synthetic_weights": True}
    make("bidirectional", contract, **stated)
    make("causal", contract, directions=1, **stated)
    make("filtered", filtered(contract), numbers=20, **stated)
    make("fp16", contract, precision="fp16", **stated)
    make("bf16", contract, precision="bf16", **stated)
    make("bare", None)
    with eight_bit_sums_in_plain_code():
        make("int8", contract, precision="int8", **stated)


def write_inputs():
    (OUT / "patient.json").write_text(json.dumps(PATIENT, indent=1) + "\n")
    recording = ecg2lab.read(DATA / "HR06000.hea")
    samples = dict(zip(recording.leads, recording.samples[:, :2000:5], strict=True))  # 4 s at 100 Hz
    samples["V3"] = np.full(400, 0.125)
    rows = [",".join(f"{samples[lead][t]:g}" for lead in STANDARD) for t in range(400)]
    (OUT / "flat.csv").write_text("\n".join(["# fs: 100", "# unit: mV", ",".join(STANDARD), *rows]) + "\n")


def record_answers(name, backend):
    bundle = OUT / f"{name}.ecg2lab"
    plain = eight_bit_sums_in_plain_code() if name == "int8" else contextlib.nullcontext()
    with plain:
        said = {
            command: ask(bundle, OUT, command, backend) for command in COMMANDS if name in FULL or command == "predict"
        }
        logits = golden_logits(bundle, backend).astype(float).tolist()
    require_clear_decisions(said)
    lines = [json.dumps({"command": command, **answer}, ensure_ascii=False) for command, answer in said.items()]
    lines.append(json.dumps({"logits": logits, "backend": backend}))
    (OUT / "answers" / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def require_clear_decisions(said):
    """No probability may lie so near its threshold that another CPU decides otherwise."""
    for answer in (
        answer for name in said if name in ("predict", "impute", "stream") for answer in said[name]["answers"]
    ):
        for finding in answer.get("findings", ()):
            threshold = finding["decision_threshold"]
            assert threshold is None or abs(finding["probability"] - threshold) > 2e-3, finding


def record_c(work):
    """The header with its layouts, the example that is compiled against it, and what that prints."""
    native = ROOT / "native"
    shutil.copy(native / "include" / "ecg2lab.h", OUT / "include" / "ecg2lab.h")
    shutil.copy(native / "examples" / "cart.c", OUT / "cart.c")
    for step in (["-S", native, "-B", work / "b", "-DCMAKE_INSTALL_LIBDIR=lib"], ["--build", work / "b", "-j2"],
                 ["--install", work / "b", "--prefix", work / "p"]):  # fmt: skip
        subprocess.run(["cmake", *map(str, step)], check=True, stdout=subprocess.DEVNULL)
    header = old_header.describe(OUT / "include" / "ecg2lab.h", work)
    header["symbols"] = old_header.symbols(work / "p" / "lib" / "libecg2lab.so")
    (OUT / "header.json").write_text(json.dumps(header, indent=1) + "\n")
    cart = old_header.build_cart(OUT, work / "p", work)
    cart_answers.write_csv(work / "record.csv", ecg2lab.read(DATA / "HR06000.hea"))
    said = subprocess.run([cart, OUT / "bidirectional.ecg2lab", work / "record.csv"], capture_output=True, check=True)
    (OUT / "cart.txt").write_bytes(said.stdout)


def main():
    assert ecg2lab.__version__ == "0.1.0", "this records 0.1.0"
    os.chdir(DATA)
    (OUT / "answers").mkdir(parents=True, exist_ok=True)
    (OUT / "include").mkdir(exist_ok=True)
    work = ROOT / "build" / "released"
    work.mkdir(parents=True, exist_ok=True)
    write_inputs()
    make_bundles(work)
    for name, backend in BACKENDS.items():
        record_answers(name, backend)
    shutil.copy(document.SCHEMA_FILE, OUT / "prediction.schema.json")
    record_c(work)


if __name__ == "__main__":
    main()
