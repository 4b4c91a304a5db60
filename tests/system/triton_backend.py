"""Stands in for Triton's onnxruntime backend: Python's ONNX Runtime behind Triton's Python backend.

Everything before and after it is Triton's own: configuration, version, warm-up, queue, batches, labels, sequences. Each
call is noted in the file that ECG2LAB_CALLS names, as the batch sizes of its requests.
"""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as backend


class TritonPythonModel:
    """One instance of a model."""

    @staticmethod
    def auto_complete_config(config):
        return config

    def initialize(self, arguments):
        config = json.loads(arguments["model_config"])
        graph = Path(arguments["model_repository"], arguments["model_version"], config["default_model_filename"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(config["parameters"]["intra_op_thread_count"]["string_value"])
        self._name = config["name"]
        self._outputs = {output["name"] for output in config["output"]}
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        names = [value.name for value in self._session.get_inputs()]
        # DLPack, because the backend's own conversion was compiled for NumPy 1
        feeds = [{n: np.from_dlpack(backend.get_input_tensor_by_name(r, n)) for n in names} for r in requests]
        sizes = [len(feed["signal"]) for feed in feeds]
        with Path(os.environ["ECG2LAB_CALLS"]).open("a") as log:
            log.write(json.dumps({"model": self._name, "sizes": sizes}) + "\n")
        batch = {name: np.concatenate([feed[name] for feed in feeds]) for name in names}
        names = [value.name for value in self._session.get_outputs() if value.name in self._outputs]
        arrays = [np.split(array, np.cumsum(sizes)[:-1]) for array in self._session.run(names, batch)]
        return [
            backend.InferenceResponse(
                [backend.Tensor.from_dlpack(name, part.copy()) for name, part in zip(names, parts, strict=True)]
            )
            for parts in zip(*arrays, strict=True)
        ]
