"""From a checkpoint to a bundle: the network realised, graphs, proof."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecg2lab.proof.parity import ParityReport
    from ecg2lab_export.network.realisation import Realisation, realise
    from ecg2lab_export.pipeline import export

_HOME = {
    "export": "ecg2lab_export.pipeline",
    "ParityReport": "ecg2lab.proof.parity",
    "Realisation": "ecg2lab_export.network.realisation",
    "realise": "ecg2lab_export.network.realisation",
}
__all__ = ["ParityReport", "Realisation", "export", "realise"]


def __getattr__(name: str) -> Any:
    """Load on first use: the command line imports this package for its verbs, without onnx."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
