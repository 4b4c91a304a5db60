"""What a pass over a graph is: it checks what it requires before, and what it ensures after."""

from __future__ import annotations

from abc import ABC, abstractmethod

import onnx


class PassError(ValueError):
    """A pass was given a graph that it does not know, or has made one that it must not: a mistake in this program."""


class GraphPass(ABC):
    """Makes a new graph from a graph; subclasses number their rules."""

    def __call__(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Check, change a copy, check again.

        Raises
        ------
        PassError
            If a condition does not hold.
        """
        self.require(model)
        changed = self.apply(model)
        onnx.checker.check_model(changed, full_check=True)
        if _signature(changed) != _signature(model):
            raise PassError(f"{type(self).__name__} changed the inputs or outputs of the graph")
        self.ensure(changed)
        return changed

    @abstractmethod
    def require(self, model: onnx.ModelProto) -> None:
        """Raise PassError unless the graph is one that this pass knows."""

    @abstractmethod
    def apply(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """Return the changed copy."""

    @abstractmethod
    def ensure(self, changed: onnx.ModelProto) -> None:
        """Raise PassError unless the result is what this pass promises."""


def _signature(model: onnx.ModelProto) -> list[bytes]:
    values = (*model.graph.input, *model.graph.output)
    return [bytes(value.SerializeToString(deterministic=True)) for value in values]
