"""Bundles that know how far experience reaches, without training: mean and spread of their own golden features."""

import msgspec
import numpy as np
from safetensors.numpy import save

from ecg2lab import bundle as bundles
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.contract.claims import Experience, ExperienceLimit


def experience_of(features, limits=((1, 9.0), (4, 8.0))):
    """Of a network that gives so many features; limits are (windows, distance), with all facts."""
    return Experience(
        features=features,
        quantile=0.99,
        trained_on="invented",
        chosen_on="invented",
        limits=tuple(
            ExperienceLimit(windows=windows, facts="all", most_missing=12, distance=distance, patients=100)
            for windows, distance in limits
        ),
    )


def tensors_of(features):
    """Mean (F), and a whitening (F, F) by each feature's own spread; of features (B, F)."""
    spread = np.maximum(features.std(axis=0), 1e-3)
    return {"mean": features.mean(axis=0).astype(np.float32), "whitening": np.diag(1 / spread).astype(np.float32)}


def members_with_experience(opened, tensors=None):
    """Contents of a bundle's members but the manifest, with the one that `tensors` make."""
    tensors = tensors_of(read_golden(opened)["features"]) if tensors is None else tensors
    members = {name: opened.member(name) for name in opened.manifest.members}
    return members | {bundles.EXPERIENCE: save(tensors)}


def write_with_experience(source, path, experience=None):
    """The bundle of `source`, which gives features, at `path`."""
    opened = Bundle.open(source)
    contract = msgspec.structs.replace(opened.contract, experience=experience or experience_of(opened.features))
    manifest = msgspec.structs.replace(opened.manifest, contract=contract)
    bundles.write(path, manifest, members_with_experience(opened))
    return path
