"""What the export's tests share: lone layers, and kernels by definition."""

from __future__ import annotations

import numpy as np
import pytest

from ecg2lab_export.network.fusion import StoredLayer


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory, random_network):
    """The smallest network of the published inputs, exported: some ten kB, so that every byte can be flipped."""
    from ecg2lab_export import export
    from ecg2lab_export.network import cardiolab

    folder = tmp_path_factory.mktemp("small")
    network = random_network(
        0, hidden=1, state=2, layers=1, length=50, targets=1, tables=((2, 1), (5, 1)), widths=(1, 1, 1)
    )
    cardiolab.write(network, folder / "small.safetensors")
    export(folder / "small.safetensors", folder / "small.ecg2lab")
    return (folder / "small.ecg2lab").read_bytes()


@pytest.fixture(scope="session")
def s4_layer():
    """Of a state space an S4 layer whose other weights do nothing: `s4_layer(system, skip=None)`."""

    def make(system, skip=None):
        channels = system.w.shape[0]
        zero = np.zeros(channels)
        skip = zero if skip is None else skip
        return StoredLayer(system, skip, np.zeros((2 * channels, channels)), np.zeros(2 * channels), zero, zero)

    return make


class Reference:
    """Kernels from their definition (arXiv 2111.00396, section 3), written out per channel and sample by sample."""

    @staticmethod
    def discretised(system, channel):
        """Ā and B̄ of one channel, conjugates completed."""
        w, p, q, b = (np.concatenate([x[channel], x[channel].conj()]) for x in system[:4])
        dt, eye = np.exp(system.log_dt[channel]), np.eye(len(w))
        a = np.diag(w) - np.outer(p, q)
        inverse = np.linalg.inv(eye - dt / 2 * a)
        return inverse @ (eye + dt / 2 * a), inverse @ (dt * b)

    @classmethod
    def power_iteration(cls, system, c):
        """k[t] = C Āᵗ B̄ for the true C (D H N/2): (D H L)."""
        taps = np.empty((*c.shape[:2], system.length))
        for channel in range(c.shape[1]):
            a_bar, state = cls.discretised(system, channel)
            rows = np.concatenate([c[:, channel], c[:, channel].conj()], axis=-1)
            for t in range(system.length):
                product = rows @ state
                assert np.abs(product.imag).max() <= 1e-9 * max(1, np.abs(rows).max() * np.abs(state).max())
                taps[:, channel, t] = product.real
                state = a_bar @ state
        return taps

    @classmethod
    def with_true_c(cls, system):
        """The system whose checkpoint would hold C̃ = C (I − Āᴸ) for this C, and C."""
        shortened = np.empty_like(system.c)
        for channel in range(system.c.shape[1]):
            a_bar, _ = cls.discretised(system, channel)
            rows = np.concatenate([system.c[:, channel], system.c[:, channel].conj()], axis=-1)
            product = rows - rows @ np.linalg.matrix_power(a_bar, system.length)
            shortened[:, channel] = product[:, : system.c.shape[-1]]
        return system._replace(c=shortened), system.c

    @classmethod
    def rounding_of_shortened_c(cls, system, c, taps):
        """ε ‖C‖ ‖(I − Āᴸ)⁻¹‖ ‖B̄‖: what rounding C̃ to float64 moves a kernel by, relative to its largest tap."""
        worst = 0.0
        for channel in range(c.shape[1]):
            a_bar, b_bar = cls.discretised(system, channel)
            lost = np.eye(len(a_bar)) - np.linalg.matrix_power(a_bar, system.length)
            gain = np.linalg.norm(np.linalg.inv(lost), 2) * np.linalg.norm(b_bar)
            rows = np.sqrt(2) * np.linalg.norm(c[:, channel], axis=-1)  # with their conjugates
            worst = max(worst, (np.finfo(float).eps * rows * gain / np.abs(taps[:, channel]).max(axis=-1)).max())
        return float(worst)

    @staticmethod
    def relative(found, expected):
        """Worst error over channels and directions, each relative to its own largest tap."""
        scale = np.abs(expected).max(axis=-1, keepdims=True)
        return float((np.abs(found - expected) / scale).max())


@pytest.fixture(scope="session")
def reference():
    return Reference
