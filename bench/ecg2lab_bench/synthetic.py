"""Networks with random weights: of any size, for measuring time and for testing what does not depend on training."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ecg2lab_bench.state_spaces import draw
from ecg2lab_export.network import cardiolab
from ecg2lab_export.network.dplr import Real
from ecg2lab_export.network.fusion import StaticBlock, StoredLayer, StoredNetwork

LEADS = 12
CONTINUOUS = 10
EMBEDDINGS = ((2, 16), (5, 32))
"""Categories and width of each; with the ten numbers the published inputs."""
STATIC_WIDTHS = (128, 128, 128)


def random_network(
    hidden: int = 512,
    state_size: int = 8,
    layers: int = 4,
    window: int = 250,
    targets: int = 204,
    causal: bool = False,
    seed: int = 0,
) -> StoredNetwork:
    """Draw a network as it is before training; the defaults are the published sizes.

    State spaces are HiPPO-LegS (`dplr.hippo_legs`) with log-uniform steps and normal C; linear maps, embeddings and
    norms start as PyTorch starts them.

    Parameters
    ----------
    hidden
        H.
    state_size
        N, even.
    layers
        Layers.
    window
        L, samples.
    targets
        Outputs.
    causal
        One direction in place of two.
    seed
        The same seed gives the same numbers.

    Raises
    ------
    ValueError
        If the state size is odd or not positive.
    """
    random = np.random.default_rng(seed)
    directions = 1 if causal else 2
    encoder_weight, encoder_bias = _linear(random, LEADS, hidden)
    head_weight, head_bias = _linear(random, hidden + STATIC_WIDTHS[-1], targets)
    return StoredNetwork(
        encoder_weight=encoder_weight,
        encoder_bias=encoder_bias,
        layers=tuple(_s4_layer(random, hidden, state_size, window, directions) for _ in range(layers)),
        embeddings=tuple(random.standard_normal(shape) for shape in EMBEDDINGS),
        static=_static_branch(random, STATIC_WIDTHS),
        head_weight=head_weight,
        head_bias=head_bias,
    )


def full_size_bundle(folder: str | Path) -> Path:
    """Export a network of the published sizes with random weights; it is proved like any other.

    Parameters
    ----------
    folder
        Where `full-size.ecg2lab` is written.
    """
    return export_network(random_network(), Path(folder) / "full-size.ecg2lab")


def export_network(network: StoredNetwork, out: Path) -> Path:
    """Write a network's bundle, marked as synthetic, with the published inputs and unnamed targets."""
    from ecg2lab_export.pipeline import export

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "random.safetensors"
        cardiolab.write(network, checkpoint)
        export(checkpoint, out, synthetic_weights=True)
    return out


def _linear(random: np.random.Generator, inputs: int, outputs: int) -> tuple[Real, Real]:
    """Weight (O I) and bias (O), uniform within ±1/√I."""
    bound = inputs**-0.5
    return random.uniform(-bound, bound, (outputs, inputs)), random.uniform(-bound, bound, outputs)


def _s4_layer(random: np.random.Generator, hidden: int, state_size: int, window: int, directions: int) -> StoredLayer:
    weight, bias = _linear(random, hidden, 2 * hidden)
    return StoredLayer(
        system=draw(random, "HiPPO", hidden, state_size, window, directions),
        d=random.standard_normal(hidden),
        output_weight=weight,
        output_bias=bias,
        norm_weight=np.ones(hidden),
        norm_bias=np.zeros(hidden),
    )


def _static_branch(random: np.random.Generator, widths: Sequence[int]) -> tuple[StaticBlock, ...]:
    joined = CONTINUOUS + sum(width for _, width in EMBEDDINGS)
    return tuple(_static_block(random, *pair) for pair in itertools.pairwise((joined, *widths)))


def _static_block(random: np.random.Generator, inputs: int, outputs: int) -> StaticBlock:
    weight, bias = _linear(random, inputs, outputs)
    one, zero = np.ones(inputs), np.zeros(inputs)
    return StaticBlock(norm_weight=one, norm_bias=zero, mean=zero, variance=one, weight=weight, bias=bias)
