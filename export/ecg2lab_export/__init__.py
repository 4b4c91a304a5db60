"""From a checkpoint to a bundle: realisation of the S4 layers, graphs, proof."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecg2lab_export.parity import ParityReport
    from ecg2lab_export.pipeline import export
    from ecg2lab_export.realisation import Realisation, realise

_HOME = {"export": "pipeline", "ParityReport": "parity", "Realisation": "realisation", "realise": "realisation"}
__all__ = ["ParityReport", "Realisation", "export", "realise"]


def __getattr__(name: str) -> Any:
    """Load on first use: the command line imports this package for its verbs, without onnx."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
