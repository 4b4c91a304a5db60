"""The course of a run, step by step: seeds, learning rate, checkpoints, validation, logs, what the user is told."""

from __future__ import annotations

import time
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from ecg2lab_training.fit.batches import Batches
from ecg2lab_training.fit.learner import Learner
from ecg2lab_training.fit.partial import Partial
from ecg2lab_training.fit.seeds import seed_of
from ecg2lab_training.progress import Progress


class Course(Callback):  # type: ignore[misc]  # Lightning is not typed here
    """Drives a learner from where it is to the end.

    Lightning counts from its own start; the learner counts from the run's, which may be an earlier process.
    """

    def __init__(
        self, batches: Batches, folder: Partial, seed: int, epochs: int, checkpoint_s: float, progress: Progress
    ) -> None:
        """Save at least each `checkpoint_s` seconds and at the end of each epoch."""
        self._batches, self._folder, self._progress = batches, folder, progress
        self._seed, self._checkpoint_s = seed, checkpoint_s
        self._all = epochs * batches.steps
        self._saved_at = self._epoch_began = time.monotonic()

    def on_train_epoch_start(self, *_: object) -> None:
        """Start the clock that the share of waiting is measured by."""
        self._epoch_began, self._batches.waited_s = time.monotonic(), 0.0

    def on_train_batch_start(self, trainer: lightning.Trainer, learner: Learner, *_: object) -> None:
        """Make the step's dropout and learning rate a function of its place in the run."""
        torch.manual_seed(seed_of("dropout", self._seed, learner.epoch, learner.step, trainer.global_rank))
        learner.set_rate(self._done(learner) / self._all)

    def on_train_batch_end(self, trainer: lightning.Trainer, learner: Learner, *_: object, **__: object) -> None:
        """Count, save when it is time, log and tell."""
        learner.step += 1
        if not trainer.is_global_zero:
            return
        # the end of the epoch saves by itself, after validation
        if learner.step < self._batches.steps and time.monotonic() - self._saved_at >= self._checkpoint_s:
            self._save(learner)
        done = self._done(learner)
        _log(trainer, {"loss": learner.losses[-1]}, done)
        self._progress(done, self._all, _remark(learner))

    def on_train_epoch_end(self, trainer: lightning.Trainer, learner: Learner) -> None:
        """Validate in the first process while the others wait, and save."""
        loss = sum(learner.losses) / len(learner.losses)
        waited = self._batches.waited_s / max(time.monotonic() - self._epoch_began, 1e-9)
        learner.end_epoch(loss, trainer.is_global_zero)
        if trainer.is_global_zero:
            self._save(learner)
            _log(trainer, learner.history[-1] | {"share_of_time_waited_for_data": waited},
                 learner.epoch * self._batches.steps)  # fmt: skip
        trainer.strategy.barrier()

    def _done(self, learner: Learner) -> int:
        """Steps of the run that are done."""
        return learner.epoch * self._batches.steps + learner.step

    def _save(self, learner: Learner) -> None:
        self._folder.save(learner.snapshot())
        self._saved_at = time.monotonic()


def _log(trainer: lightning.Trainer, values: dict[str, Any], step: int) -> None:
    for logger in trainer.loggers:
        logger.log_metrics(values, step=step)


def _remark(learner: Learner) -> str:
    if not learner.history:
        return "steps"
    last = learner.history[-1]
    area = last["macro_auroc_validation"]
    return f"steps, epoch {last['epoch']:.0f}: loss {last['loss']:.3f}, AUROC {area:.3f}"
