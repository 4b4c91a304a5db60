"""The model as Lightning drives it, and everything that a run has come to."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from ecg2lab_training.data.crops import Recordings, probabilities
from ecg2lab_training.fit.batches import Step
from ecg2lab_training.fit.config import Config
from ecg2lab_training.fit.loss import focal_loss
from ecg2lab_training.fit.partial import DivergedError
from ecg2lab_training.measures import curves
from ecg2lab_training.network.model import FusionModel

_PLAIN = ("epoch", "step", "losses", "history", "best_epoch", "best_area", "best_state")
"""What a snapshot holds beside model and optimiser."""


class Learner(LightningModule):  # type: ignore[misc]  # Lightning is not typed here
    """Trains on random crops and keeps the parameters of the best epoch.

    Best: the greatest macro AUROC of window-averaged probabilities in the validation fold, after each epoch.
    `snapshot` holds all that a run depends on, so that a run can stop after any step.
    """

    def __init__(self, model: FusionModel, config: Config, validation: Recordings) -> None:
        """Take a model to train."""
        super().__init__()
        self.model = model
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self.epoch = 0
        """Epochs that are done."""
        self.step = 0
        """Steps of this epoch that are done."""
        self.losses: list[float] = []
        """Of this epoch's steps, each of its whole batch: a run that goes on has those of all processes."""
        self._config = config
        self._validation = validation
        self.best_area = -1.0
        self.best_state: dict[str, Any] = {}
        self._optimiser: torch.optim.Optimizer | None = None
        self._optimiser_state: dict[str, Any] | None = None

    def training_step(self, step: Step, _: int) -> Tensor:
        """Loss of one batch, or of this process's part of it.

        Raises
        ------
        DivergedError
            If the loss is no number any more.
        """
        signal, continuous, categorical, labels = step.batch
        logits = self.model(signal, continuous, categorical)
        loss = focal_loss(logits.float(), labels, self._config.focal_gamma, step.counts)
        value = float(self._over_processes(loss.detach().clone()))
        if not math.isfinite(value):
            raise DivergedError(f"the loss is {value} in epoch {self.epoch + 1}: lower learning_rate")
        self.losses.append(value)
        return loss * self.trainer.world_size  # processes average their gradients; parts of a batch add up

    def _over_processes(self, part: Tensor) -> Tensor:
        """Sum, in place, of what the processes have of a loss."""
        if self.trainer.world_size == 1:
            return part
        total: Tensor = self.trainer.strategy.reduce(part, reduce_op="sum")
        return total

    def end_epoch(self, loss: float, validate: bool) -> None:
        """Validate, remember the parameters if they are the best so far, and begin the next epoch.

        Parameters
        ----------
        loss
            Mean over the epoch's steps.
        validate
            Whether this process does so; one of several is enough.
        """
        self.epoch, self.step = self.epoch + 1, 0
        self.losses.clear()
        if not validate:
            return
        scores = probabilities(self.model, self._validation, device=self.device)
        self.model.train()
        area = curves.macro(curves.per_target(scores, self._validation.labels))
        self.history.append({"epoch": self.epoch, "loss": loss, "macro_auroc_validation": area})
        if area > self.best_area or not self.best_state:
            self.best_area = area
            self.best_state = copy.deepcopy(self.model.state_dict())
            self.best_epoch = self.epoch

    def restore_best(self) -> FusionModel:
        """Return the model with the parameters of the best epoch, in evaluation mode."""
        self.model.load_state_dict(self.best_state)
        return self.model.cpu().eval()

    def snapshot(self) -> dict[str, Any]:
        """Everything that the rest of the run depends on."""
        if self._optimiser is None:
            raise RuntimeError("a snapshot is taken in training")
        return {
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        self.model.load_state_dict(snapshot["model"])
        self._optimiser_state = snapshot["optimiser"]
        for name in _PLAIN:
            setattr(self, name, snapshot[name])

    def set_rate(self, done: float) -> None:
        """Set the learning rate of a step by its place in the run: the share of all steps before it."""
        if self._optimiser is None:
            raise RuntimeError("the learning rate is set in training")
        share = 1.0 if self._config.schedule == "constant" else (1 + math.cos(math.pi * done)) / 2
        for group in self._optimiser.param_groups:
            group["lr"] = share * self._config.learning_rate

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; `set_rate` gives each step its learning rate."""
        self._optimiser = torch.optim.AdamW(
            (p for p in self.model.parameters() if p.requires_grad),
            lr=self._config.learning_rate,
            weight_decay=self._config.weight_decay,
            fused=True,
        )
        if self._optimiser_state is not None:
            self._optimiser.load_state_dict(self._optimiser_state)
            self._optimiser_state = None
        return self._optimiser
