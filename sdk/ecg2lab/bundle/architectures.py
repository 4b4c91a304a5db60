"""The kinds of network that can be loaded here.

A bundle names the architecture of its network. What runs graphs runs any of them; here is what else there is to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ecg2lab.bundle import S4_FUSION, Bundle, Manifest
from ecg2lab.errors import BackendError, BundleError


def _sizes_by_name(manifest: Manifest) -> str:
    own = (item for item in manifest.network.items() if item[0] not in ("causal", "parameters"))
    return ", ".join(f"{name.replace('_', ' ')} {size}" for name, size in own)


@dataclass(frozen=True)
class Architecture:
    """A kind of network."""

    name: str
    """As manifests have it."""
    title: str
    """As readers know it."""
    sizes: Callable[[Manifest], str] = _sizes_by_name
    """Its own sizes, in words."""


def _fusion_sizes(manifest: Manifest) -> str:
    n = manifest.network
    return f"{n['layers']} layers × {n['hidden']} channels, state {n['state_size']}"


ARCHITECTURES = {S4_FUSION: Architecture(S4_FUSION, "S4", _fusion_sizes)}
"""By name; to let bundles of another one be loaded, add it here."""


def of(bundle: Bundle) -> Architecture:
    """That of a bundle's network.

    Raises
    ------
    BundleError
        If it is not known here.
    """
    name = bundle.manifest.architecture
    if name not in ARCHITECTURES:
        raise BundleError(
            f"{bundle.source} holds a network of architecture {name!r}, which this ecg2lab does not know: it was made "
            "by a newer ecg2lab"
        )
    return ARCHITECTURES[name]


def require_features(bundle: Bundle) -> int:
    """F of what its graphs give beside logits.

    Raises
    ------
    BackendError
        If they give none.
    """
    if bundle.features is not None:
        return bundle.features
    why = "it was exported by an older ecg2lab; export it again"
    if bundle.manifest.architecture != S4_FUSION:
        why = f"networks of architecture {bundle.manifest.architecture!r} have none to give"
    raise BackendError(f"{bundle.source} gives no features: {why}")


def require_fusion(bundle: Bundle, backend: str) -> None:
    """For a backend that has the forward pass of the S4 fusion network and of no other.

    Raises
    ------
    BackendError
        Naming the architecture.
    """
    if bundle.manifest.architecture != S4_FUSION:
        raise BackendError(
            f"the {backend} backend has no form of architecture {bundle.manifest.architecture!r}; take onnxruntime"
        )
