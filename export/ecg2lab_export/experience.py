"""How far features are from those of the training folds: `experience.safetensors`, of a run and of a bundle.

mean        (F) float32, of the features of the training folds
whitening   (F, F) float32: a product with it turns their shrunk covariance into the identity

The distance of features f is |(f - mean) whitening|₂: Mahalanobis' (Lee et al., NeurIPS 2018, arXiv 1807.03888). The
contract has the limits (`ecg2lab.contract.claims.Experience`).

Glossary: F features of the network, what its last layer is given.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle import EXPERIENCE
from ecg2lab.contract import Contract
from ecg2lab.contract.claims import Experience, ExperienceLimit
from ecg2lab.contract.fields import Facts
from ecg2lab.errors import ContractError
from ecg2lab.system.files import read_regular

FILE = EXPERIENCE
_MEAN, _WHITENING = "mean", "whitening"


class Space(NamedTuple):
    """The features of the training folds, as far as distances from them need it."""

    mean: NDArray[np.float32]  # (F)
    whitening: NDArray[np.float32]  # (F F)

    @property
    def features(self) -> int:
        """How many."""
        return len(self.mean)

    def distances(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Distance of each: (… F), as a mean over windows or of a single one → (…)."""
        centred = features.astype(np.float64) - self.mean.astype(np.float64)
        return np.asarray(np.linalg.norm(centred @ self.whitening.astype(np.float64), axis=-1))


def encode(space: Space) -> bytes:
    """Content of the file; equal spaces give equal bytes."""
    from safetensors.numpy import save

    return save({name: np.ascontiguousarray(array) for name, array in space._asdict().items()})


def decode(content: bytes, source: str) -> Space:
    """Read the content of the file.

    Raises
    ------
    ContractError
        If it is damaged, or holds something else; `source` stands in the message.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{source} is damaged: {error}") from None
    return of_arrays(arrays, source)


def of_arrays(arrays: dict[str, NDArray[Any]], source: str) -> Space:
    """Check the arrays of the file.

    Raises
    ------
    ContractError
        If they are others, of another type or shape, or not finite.
    """
    if set(arrays) != {_MEAN, _WHITENING}:
        raise ContractError(f"{source} must hold {_MEAN} and {_WHITENING}, and nothing else")
    mean, whitening = arrays[_MEAN], arrays[_WHITENING]
    shapes = mean.ndim == 1 and mean.size and whitening.shape == (mean.size, mean.size)
    if not shapes or {mean.dtype, whitening.dtype} != {np.dtype(np.float32)}:
        raise ContractError(f"{source}: {_MEAN} must be (F) and {_WHITENING} (F, F), both float32")
    if not (np.isfinite(mean).all() and np.isfinite(whitening).all()):
        raise ContractError(f"{source} holds numbers that are not finite")
    return Space(mean, whitening)


def find(contract: Contract, *folders: Path) -> Space | None:
    """Read what belongs to a contract from the first folder that has it; None: the contract does not ask for it.

    Raises
    ------
    ContractError
        If no folder has it, or it is of another count of features.
    """
    if contract.experience is None:
        return None
    for path in (folder / FILE for folder in folders):
        if path.is_file():
            return fitting(decode(read_regular(path), str(path)), contract.experience, str(path))
    raise ContractError(
        f"the contract says how far experience reaches, but {FILE} is not beside it nor beside the weights; "
        "`ecg2lab train` and `ecg2lab evaluate --decide` write both"
    )


def fitting(space: Space, experience: Experience, source: str) -> Space:
    """The space, if it has as many features as the contract says; `source` stands in the message.

    Raises
    ------
    ContractError
        If it has not.
    """
    if space.features != experience.features:
        raise ContractError(f"{source} is of {space.features} features, the contract of {experience.features}")
    return space


def require_features(space: Space, features: int | None) -> None:
    """Refuse a network that gives other features than a space is of, or none.

    Raises
    ------
    ContractError
        Naming both counts.
    """
    if features != space.features:
        gives = "none" if features is None else str(features)
        raise ContractError(f"the contract's experience is of {space.features} features, the network gives {gives}")


def limit_of(contract: Contract, windows: int, facts: Facts = "all") -> ExperienceLimit | None:
    """The limit that holds for a setting; None: the contract has none."""
    limits = contract.experience.limits if contract.experience else ()
    return next((one for one in limits if (one.windows, one.facts) == (windows, facts)), None)
