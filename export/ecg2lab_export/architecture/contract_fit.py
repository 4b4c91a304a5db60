"""Whether a contract speaks of a network, and the contract of a network that came without one."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from ecg2lab import contract as contracts
from ecg2lab._native import _core
from ecg2lab.contract import Contract, Signal
from ecg2lab.errors import ContractError
from ecg2lab_export.architecture.protocol import Network

Layout = Literal["none", "continuous", "categorical"]
_LAYOUTS: tuple[Layout, ...] = ("none", "continuous", "categorical")


def default_contract(network: Network) -> Contract:
    """The published inputs, with missing flags if the network has them, and targets that nobody has named.

    Without medians every input must be given; without decisions nothing is ever *flagged*. What is not the
    published input, other than the window and the flags, `check_fit` refuses.
    """
    published = contracts.published(contracts.unnamed_targets(network.targets), name="imported checkpoint")
    signal = replace(published.signal, window_samples=network.window)
    contract = replace(published, signal=signal)
    return replace(contract, missing_flags=flag_layout(network, contract) or "none")


def flag_layout(network: Network, contract: Contract) -> Layout | None:
    """Where the network has the missing flags of the contract's features, by its sizes; None: no layout fits."""
    sizes = network.continuous_features, list(network.categories)
    for layout in _LAYOUTS:
        columns = replace(contract, missing_flags=layout).static_inputs
        if sizes == (len(columns.continuous), list(columns.categorical.values())):
            return layout
    return None


def check_fit(network: Network, contract: Contract) -> None:
    """Refuse a contract that speaks of another network, or a window that its preprocessing cannot fill.

    Raises
    ------
    ContractError
        Naming the first size that differs.
    """
    columns = contract.static_inputs
    sizes = [
        ("leads", network.leads, len(contract.signal.leads)),
        ("samples a window", network.window, contract.signal.window_samples),
        ("continuous features", network.continuous_features, len(columns.continuous)),
        ("categorical features", len(network.categories), len(columns.categorical)),
        ("targets", network.targets, len(contract.targets)),
    ]
    for (name, stated), count in zip(columns.categorical.items(), network.categories, strict=False):
        sizes.append((f"categories of {name}", count, stated))
    for what, has, stated in sizes:
        if has != stated:
            raise ContractError(
                f"the checkpoint has {has} {what}, the contract {stated}; give a contract that fits"
                + _flag_hint(network, contract)
            )
    require_window(contract.signal)


def _flag_hint(network: Network, contract: Contract) -> str:
    """Most of the time one line of the contract is all that is wrong."""
    layout = flag_layout(network, contract)
    if layout in (None, contract.missing_flags):
        return ""
    return f' (with "missing_flags": "{layout}" its inputs would)'


def require_window(signal: Signal) -> None:
    """Refuse a window shorter than what the resampler reads after each sample.

    Every sample of such a window would reach beyond the end of a recording that is one window long, where there are
    only zeros; and a stream would answer later than the window is long. The filter spans 50 zero crossings at the lower
    of the two rates, so every recording at a higher rate than the network's has this look-ahead.

    It is asked at export, not when a contract is read: a bundle that was written answers as it was proved to.

    Raises
    ------
    ContractError
        Naming both durations.
    """
    rate = signal.sampling_rate_hz
    needed = -(-_core.look_ahead(2 * rate, rate) // 2)  # samples at the network's rate, rounded up
    if signal.window_samples < needed:
        raise ContractError(
            f"the window of {signal.window_samples} samples ({signal.window_samples / rate:g} s) is shorter than the "
            f"{needed / rate:g} s that the resampler looks ahead; a network for {rate:g} Hz needs windows of at least "
            f"{needed:g} samples"
        )
