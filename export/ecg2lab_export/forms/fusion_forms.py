"""The S4 fusion network as export meets it: recognised, read, and made ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

import onnx

from ecg2lab.bundle import S4_FUSION, ReducedPrecision, StepShape
from ecg2lab.proof.parity import BIDIRECTIONAL
from ecg2lab_export.architecture.protocol import Findings, StepForm, Weights
from ecg2lab_export.forms import step_graph, window_graph
from ecg2lab_export.forms.kernel_proof import prove_cascades, prove_kernels
from ecg2lab_export.forms.weights import weight_tensors
from ecg2lab_export.forms.window_graph import Form, by_speed
from ecg2lab_export.network import cardiolab
from ecg2lab_export.network.fusion import StoredNetwork


class FusionArchitecture:
    """Lopez Alcaraz & Strodthoff 2025, doi 10.1038/s41598-025-26715-5."""

    name = S4_FUSION

    def recognises(self, tensors: Mapping[str, Any]) -> bool:
        """By the first layer."""
        return any(cardiolab.ANCHOR in key for key in tensors)

    def read(self, tensors: Weights) -> StoredNetwork:
        """See `cardiolab.network_from`."""
        return cardiolab.network_from(tensors)

    def realise(self, network: StoredNetwork) -> FusionForms:
        """Realise every state space, and fit its cascade."""
        return FusionForms(network)


class FusionForms:
    """Its window graph, step graph and native weights.

    Raises
    ------
    CheckpointError
        If a layer cannot be realised.
    """

    precisions: tuple[ReducedPrecision, ...] = get_args(ReducedPrecision)

    def __init__(self, network: StoredNetwork) -> None:
        cascades, self._cascades = prove_cascades(network)
        self.native: Weights = weight_tensors(network, cascades)
        self.window_forms = by_speed(network)
        self._network = network

    @property
    def description(self) -> str:
        """With the paper that it is from."""
        n = self._network
        return (
            "S4 with late fusion (Lopez Alcaraz & Strodthoff 2025, doi 10.1038/s41598-025-26715-5), "
            f"{'causal' if n.causal else 'bidirectional'}: {len(n.layers)} layers of {n.hidden} channels, "
            f"state size {n.state_size}, {n.parameters:,} parameters."
        )

    @property
    def shape(self) -> dict[str, bool | int]:
        """Layers, channels, states and features beside what every network states."""
        n = self._network
        sizes = {"hidden": n.hidden, "state_size": n.state_size, "layers": len(n.layers), "features": n.features}
        return {"causal": n.causal, "parameters": n.parameters, **sizes}

    def window_graph(self, form: str) -> onnx.ModelProto:
        """With the convolutions in that form."""
        return window_graph.build(self._network, cast(Form, form))

    def step(self) -> StepForm | str:
        """Of a causal network."""
        if not self._network.causal:
            return BIDIRECTIONAL
        size = step_graph.state_size(self._network)
        shape = StepShape(most_samples=step_graph.MOST_SAMPLES, state_size=size)
        return StepForm(step_graph.build(self._network), shape)

    def findings(self, form: str) -> Findings:
        """The kernel of every layer, in every form that computes one."""
        kernels = prove_kernels(self._network, cast(Form, form), self.native)
        return Findings(kernels.checks + self._cascades.checks, kernels.left_out | self._cascades.left_out)
