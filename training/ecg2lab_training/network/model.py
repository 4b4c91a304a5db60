"""The S4 fusion network in PyTorch: an ECG and what is known of the patient → logits.

Glossary: B batch, L window, H channels, E width of an embedding, n targets; shapes in comments.
Lopez Alcaraz & Strodthoff 2025, doi 10.1038/s41598-025-26715-5; every size is a parameter.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ecg2lab_export.network import fusion as reference
from ecg2lab_export.network.fusion import StoredNetwork
from ecg2lab_training.network.s4 import S4Layer, draw_system
from ecg2lab_training.network.sizes import Inputs, Sizes


class StaticBranch(nn.Module):
    """Embeddings joined with the numbers; blocks BatchNorm–dropout–linear, ReLU after all but the last."""

    def __init__(self, sizes: Sizes) -> None:
        """Build for the sizes."""
        super().__init__()
        tables = zip(sizes.categories, sizes.embedding_widths, strict=True)
        self.embeddings = nn.ModuleList(nn.Embedding(count, width) for count, width in tables)
        widths = (sum(sizes.embedding_widths) + sizes.continuous, *sizes.static_widths)
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for width in widths[:-1])
        self.linears = nn.ModuleList(nn.Linear(i, o) for i, o in itertools.pairwise(widths))
        self.dropouts = nn.ModuleList(nn.Dropout(rate) for rate in sizes.static_dropout)

    def forward(self, continuous: Tensor, categorical: Tensor) -> Tensor:
        """(B features), (B categories) → (B static)."""
        embedded = [table(categorical[:, i]) for i, table in enumerate(self.embeddings)]  # each (B E)
        x = torch.cat([*embedded, continuous], dim=1)
        for index, (norm, dropout, linear) in enumerate(zip(self.norms, self.dropouts, self.linears, strict=True)):
            x = linear(dropout(norm(x)))
            if index < len(self.linears) - 1:
                x = torch.relu(x)
        return x


class FusionModel(nn.Module):
    """Encoder, S4 layers and mean over time for the ECG; static branch for the patient; one linear head."""

    def __init__(self, sizes: Sizes, seed: int = 0) -> None:
        """Draw the state spaces from `seed`; all else comes from PyTorch's own generator."""
        super().__init__()
        rng = np.random.default_rng(seed)
        directions = 2 if sizes.bidirectional else 1
        systems = [draw_system(sizes.hidden, sizes.state, sizes.window, directions, rng) for _ in range(sizes.layers)]
        self.encoder = nn.Linear(sizes.leads, sizes.hidden)
        self.layers = nn.ModuleList(S4Layer(system, sizes.dropout) for system in systems)
        self.static = StaticBranch(sizes)
        self.head = nn.Linear(sizes.hidden + sizes.static_widths[-1], sizes.targets)
        self._inputs = sizes.inputs
        self._widths = sizes.hidden, sizes.static_widths[-1]
        self._leave_out()

    def _leave_out(self) -> None:
        """Let an ablation's other part rest: zeros in the head, which meet zeros in `forward` and so stay."""
        ecg = self._widths[0]
        rests: dict[Inputs, tuple[list[nn.Module], slice]] = {
            "fusion": ([], slice(0)),
            "ecg": ([self.static], slice(ecg, None)),
            "tabular": ([self.encoder, self.layers], slice(ecg)),
        }
        resting, columns = rests[self._inputs]
        for part in resting:
            part.requires_grad_(False)
        with torch.no_grad():
            self.head.weight[:, columns] = 0

    def forward(self, signal: Tensor, continuous: Tensor, categorical: Tensor) -> Tensor:
        """Logits of one window, (B n); parameters as of `outputs`."""
        return self.outputs(signal, continuous, categorical)[0]

    def outputs(self, signal: Tensor, continuous: Tensor, categorical: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and features of one window.

        Parameters
        ----------
        signal
            (B leads L) millivolt, preprocessed.
        continuous
            (B features) raw units, nothing missing.
        categorical
            (B categories) codes.

        Returns
        -------
        logits
            (B n).
        features
            (B H+E) what the head is given: the pooled ECG (H), then the static branch (E).
        """
        ecg, patient = self._widths
        pooled = signal.new_zeros(len(signal), ecg) if self._inputs == "tabular" else self._ecg(signal)
        static = (
            signal.new_zeros(len(signal), patient) if self._inputs == "ecg" else self.static(continuous, categorical)
        )
        features = torch.cat([pooled, static], dim=1)
        return self.head(features), features

    def _ecg(self, signal: Tensor) -> Tensor:
        """(B leads L) → (B H); channels come first on the way, (H B L): see `operations`."""
        x = self.encoder.weight @ signal.transpose(0, 1).flatten(1) + self.encoder.bias[:, None]  # (H B·L)
        x = x.float() if x.dtype == torch.bfloat16 else x
        x = x.view(-1, len(signal), signal.shape[2])
        for layer in self.layers:
            x = layer(x)
        return x.mean(dim=2).T  # (B H)

    def to_network(self) -> StoredNetwork:
        """Return the parameters as plain float64 arrays, for export."""
        return StoredNetwork(
            layers=tuple(
                reference.StoredLayer(system=layer.kernel.system(), **_arrays(layer, _LAYER)) for layer in _layers(self)
            ),
            embeddings=tuple(_array(table.weight) for table in _embeddings(self.static)),
            static=tuple(
                reference.StaticBlock(**_arrays(norm, _NORM), **_arrays(linear, _LINEAR))
                for norm, linear in _blocks(self.static)
            ),
            **_arrays(self, _ENDS),
        )

    @classmethod
    def from_network(cls, network: StoredNetwork) -> FusionModel:
        """Build the model that has a network's parameters; it drops nothing out."""
        model = cls(_sizes(network))
        model.layers = nn.ModuleList(S4Layer(layer.system, 0) for layer in network.layers)
        _load(model, network, _ENDS)
        for layer, arrays in zip(_layers(model), network.layers, strict=True):
            _load(layer, arrays, _LAYER)
        for table, weight in zip(_embeddings(model.static), network.embeddings, strict=True):
            table.load_state_dict({"weight": torch.from_numpy(weight)})
        for (norm, linear), block in zip(_blocks(model.static), network.static, strict=True):
            _load(norm, block, _NORM)
            _load(linear, block, _LINEAR)
        return model


# Names of our parameters, by those of the plain network.
_ENDS = {
    "encoder_weight": "encoder.weight",
    "encoder_bias": "encoder.bias",
    "head_weight": "head.weight",
    "head_bias": "head.bias",
}
_LAYER = {
    "d": "d",
    "output_weight": "output.weight",
    "output_bias": "output.bias",
    "norm_weight": "norm.weight",
    "norm_bias": "norm.bias",
}
_NORM = {"norm_weight": "weight", "norm_bias": "bias", "mean": "running_mean", "variance": "running_var"}
_LINEAR = {"weight": "weight", "bias": "bias"}


def _arrays(module: nn.Module, names: dict[str, str]) -> dict[str, NDArray[np.float64]]:
    state = module.state_dict()
    return {theirs: _array(state[ours]) for theirs, ours in names.items()}


def _load(module: nn.Module, arrays: object, names: dict[str, str]) -> None:
    state = module.state_dict()
    for theirs, ours in names.items():
        state[ours].copy_(torch.from_numpy(getattr(arrays, theirs)))


def _sizes(network: StoredNetwork) -> Sizes:
    return Sizes(
        targets=network.targets,
        leads=network.leads,
        window=network.window,
        hidden=network.hidden,
        state=network.state_size,
        layers=len(network.layers),
        bidirectional=not network.causal,
        continuous=network.continuous_features,
        categories=tuple(table.shape[0] for table in network.embeddings),
        embedding_widths=tuple(table.shape[1] for table in network.embeddings),
        static_widths=tuple(block.weight.shape[0] for block in network.static),
        dropout=0,
        static_dropout=(0,) * len(network.static),
    )


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().cpu().numpy().astype(np.float64)


def _layers(model: FusionModel) -> Sequence[S4Layer]:
    return [layer for layer in model.layers if isinstance(layer, S4Layer)]


def _embeddings(branch: StaticBranch) -> Sequence[nn.Embedding]:
    return [table for table in branch.embeddings if isinstance(table, nn.Embedding)]


def _blocks(branch: StaticBranch) -> Sequence[tuple[nn.BatchNorm1d, nn.Linear]]:
    pairs = zip(branch.norms, branch.linears, strict=True)
    return [
        (norm, linear) for norm, linear in pairs if isinstance(norm, nn.BatchNorm1d) and isinstance(linear, nn.Linear)
    ]
