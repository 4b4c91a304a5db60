"""Ask a Triton server what a recording shows: `ecg2lab triton` writes this program beside each model.

    pip install ecg2lab 'tritonclient[grpc]'
    python client.py localhost:8001 record.hea --patient facts.json
    python client.py localhost:8001                 # no record: repeats the bundle's golden inputs on the server

The server computes the bare network: logits and features of preprocessed windows. Everything around it happens here, as
the contract beside this file says: leads, unit, rate, quality, windows, imputation, mean over windows, calibration,
decision.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab._native import _core
from ecg2lab.answer.prediction import Finding, decide
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, Ecg2LabError
from ecg2lab.patient import Patient, read_patient
from ecg2lab.patient.features import encode
from ecg2lab.proof.parity import feature_error, logit_error
from ecg2lab.recording.preparation import cut_windows, prepare_signal

HERE = Path(__file__).resolve().parent
TYPES = {"signal": "FP32", "continuous": "FP32", "categorical": "INT64"}
Arrays = dict[str, NDArray[Any]]


class Model:
    """One model of a server, and the contract that its inputs and outputs follow."""

    def __init__(self, address: str, folder: Path = HERE) -> None:
        import tritonclient.grpc

        self.triton = tritonclient.grpc
        self.address = address
        self.server = tritonclient.grpc.InferenceServerClient(address)
        self.record = json.loads((folder / "ecg2lab.json").read_bytes())
        self.contract: Contract = contracts.read(folder / "contract.json")
        self.trained = read_trained(folder) if self.contract.experience else None
        config = self._asked(self.server.get_model_config, self.record["model"]).config
        self.largest_batch: int = config.max_batch_size
        declared = {output.name for output in config.output}
        self.names = [name for name in Outputs._fields if name in declared]
        served = config.parameters["ecg2lab_bundle_digest"].string_value
        if served != self.record["bundle_digest"]:
            raise BackendError(
                f"{address} serves another bundle as {self.record['model']!r} than the one beside {folder}"
            )

    def predict(self, recording: ecg2lab.Recording, patient: Patient) -> tuple[Finding, ...]:
        """Answer for one recording."""
        features = encode(patient.with_defaults(recording.subject), self.contract)
        windows = cut_windows(prepare_signal(recording, self.contract), self.contract)
        count = len(windows)
        inputs: Arrays = {
            "signal": windows,
            "continuous": np.tile(features.continuous, (count, 1)),
            "categorical": np.tile(features.categorical, (count, 1)),
        }
        return decide(self.outputs(inputs), features, self.contract, self.trained).findings

    def outputs(self, inputs: Arrays) -> Outputs:
        """Run the network on any number of windows, (B …) → (B n), (B F)."""
        parts = [self._call(part) for part in split(inputs, self.largest_batch)]
        return Outputs(*map(np.concatenate, zip(*parts, strict=True)))

    def _call(self, inputs: Arrays) -> list[NDArray[np.float32]]:
        request = []
        for name, type_ in TYPES.items():
            tensor = self.triton.InferInput(name, list(inputs[name].shape), type_)
            tensor.set_data_from_numpy(inputs[name])
            request.append(tensor)
        outputs = [self.triton.InferRequestedOutput(name) for name in self.names]
        result = self._asked(self.server.infer, self.record["model"], request, outputs=outputs)
        return [np.asarray(result.as_numpy(name), dtype=np.float32) for name in self.names]

    def _asked(self, question: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        try:
            return question(*arguments, **named)
        except self.triton.InferenceServerException as error:
            raise BackendError(f"{self.address}: {error.message()}") from None

    def golden_errors(self, folder: Path = HERE) -> dict[str, tuple[float, float]]:
        """How far the server is from float64 on the bundle's golden inputs, and how far it may be: of each output."""
        with np.load(folder / "golden.npz", allow_pickle=False) as stored:
            golden = dict(stored)
        outputs = self.outputs({name: golden[name] for name in TYPES})
        errors = {"logit": (logit_error(outputs.logits, golden["logits"]), self.record["logit_limit"])}
        if outputs.features is not None:
            errors["feature"] = feature_error(outputs.features, golden["features"]), self.record["feature_limit"]
        return errors


def read_trained(folder: Path) -> _core.TrainedFeatures:
    """Features of the training folds, from which the distance of a recording is measured."""
    name = "experience.safetensors"
    tensors = _core.read_tensors((folder / name).read_bytes(), name)
    return _core.TrainedFeatures(tensors["mean"].astype(np.float32), tensors["whitening"].astype(np.float32))


def split(inputs: Arrays, size: int) -> Iterator[Arrays]:
    """Cut a batch into parts that the server accepts in one request."""
    for start in range(0, len(inputs["signal"]), size):
        yield {name: np.ascontiguousarray(array[start : start + size]) for name, array in inputs.items()}


def main() -> None:
    """Answer on stdout, one target in each line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("address", help="of the server's gRPC port, such as localhost:8001")
    parser.add_argument("record", nargs="?", help="an ECG that ecg2lab reads, such as record.hea")
    parser.add_argument("--patient", help="JSON with the patient's facts, as `ecg2lab predict` takes it")
    arguments = parser.parse_args()
    try:
        model = Model(arguments.address)
        if arguments.record is None:
            report_golden(model)
            return
        patient = read_patient(arguments.patient) if arguments.patient else Patient()
        for finding in model.predict(ecg2lab.read(arguments.record), patient):
            say(f"{finding.target:30} {finding.probability:7.1%} {finding.verdict}")
        say(model.record["notice"].upper())
    except Ecg2LabError as error:
        raise SystemExit(f"error: {type(error).__name__}: {error}") from None


def report_golden(model: Model) -> None:
    """Say whether the server computes the bundle's model."""
    errors = model.golden_errors()
    for what, (error, limit) in errors.items():
        say(f"largest error of a {what}: {error:.1e} (limit {limit:.1e})")
    if not all(error <= limit for error, limit in errors.values()):
        raise BackendError("the server does not compute this bundle within its limit; on a GPU, is TF32 off?")


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
