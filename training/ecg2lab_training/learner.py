"""One training step, one validation: the model as Lightning drives it."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor

from ecg2lab.errors import DatasetError
from ecg2lab_training import auroc
from ecg2lab_training.config import Config
from ecg2lab_training.crops import Batch, Recordings, probabilities
from ecg2lab_training.loss import focal_loss
from ecg2lab_training.model import FusionModel


class Learner(LightningModule):  # type: ignore[misc]  # Lightning is not typed here
    """Trains on random crops and keeps the parameters of the best epoch.

    Best: the greatest macro AUROC of window-averaged probabilities in the validation fold, after each epoch.
    """

    def __init__(self, model: FusionModel, config: Config, validation: Recordings) -> None:
        """Take a model to train."""
        super().__init__()
        self.model = model
        self.history: list[dict[str, float]] = []
        self.best_epoch = 0
        self._config = config
        self._validation = validation
        self._losses: list[float] = []
        self._best_area = -1.0
        self._best_state: dict[str, Any] = {}

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch."""
        logits = self.model(batch.signal, batch.continuous, batch.categorical)
        loss = focal_loss(logits, batch.labels, self._config.focal_gamma)
        self._losses.append(float(loss.detach()))
        return loss

    def on_train_epoch_end(self) -> None:
        """Validate, and remember the parameters if they are the best so far.

        Raises
        ------
        DatasetError
            If the training has diverged.
        """
        loss = sum(self._losses) / len(self._losses)
        self._losses.clear()
        if not math.isfinite(loss):
            raise DatasetError(f"the loss is {loss} in epoch {self.current_epoch + 1}: lower learning_rate")
        scores = probabilities(self.model, self._validation, device=self.device)
        self.model.train()
        area = auroc.macro(auroc.per_target(scores, self._validation.labels))
        self.history.append({"epoch": self.current_epoch + 1, "loss": loss, "macro_auroc_validation": area})
        if area > self._best_area or not self._best_state:
            self._best_area = area
            self._best_state = copy.deepcopy(self.model.state_dict())
            self.best_epoch = self.current_epoch + 1

    def restore_best(self) -> FusionModel:
        """Return the model with the parameters of the best epoch, in evaluation mode."""
        self.model.load_state_dict(self._best_state)
        return self.model.cpu().eval()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW with a constant learning rate."""
        return torch.optim.AdamW(
            self.model.parameters(), lr=self._config.learning_rate, weight_decay=self._config.weight_decay
        )
