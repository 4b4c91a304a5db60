"""A training run: data set and configuration → RUN folder."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch.utils.data import DataLoader

from ecg2lab.errors import DatasetError
from ecg2lab_export.contract_fit import require_window
from ecg2lab_training.config import Config
from ecg2lab_training.crops import Recordings
from ecg2lab_training.dataset import Dataset
from ecg2lab_training.folders import new_folder
from ecg2lab_training.learner import Learner
from ecg2lab_training.model import FusionModel, Sizes
from ecg2lab_training.progress import Progress, silent
from ecg2lab_training.run_writer import Run, write_run


def fit(config: Config, dataset: Dataset, run_dir: str | Path, progress: Progress = silent) -> Run:
    """Train a model and write its RUN folder, which appears whole or not at all.

    The same configuration, data set, machine and thread count give the same weights.

    Parameters
    ----------
    config
        Sizes and optimiser.
    dataset
        Folds 0-17 train, 18 selects the epoch and the decision thresholds, 19 tests.
    run_dir
        A new or empty folder.
    progress
        Told after each step.

    Raises
    ------
    OutputError
        If the folder is taken.
    DatasetError
        If the data set has no record in one of the three parts, or the training diverges.
    ContractError
        If the data set's window is shorter than the resampler's look-ahead.
    """
    with new_folder(run_dir) as folder, _threads(config.threads):
        learner = _train(config, dataset, progress)
        return write_run(folder, config, dataset, learner)


def sizes(config: Config, dataset: Dataset) -> Sizes:
    """Sizes of the network that fits a data set.

    Raises
    ------
    DatasetError
        If the configuration does not have one embedding for each category of the contract.
    """
    contract, model = dataset.contract, config.model
    columns = contract.static_inputs
    widths, categories = len(model.embedding_widths), len(columns.categorical)
    if widths != categories:
        raise DatasetError(f"embedding_widths names {widths}, but the data set has {categories} categories")
    return Sizes(
        targets=len(contract.targets),
        leads=len(contract.signal.leads),
        window=contract.signal.window_samples,
        hidden=model.hidden,
        state=model.state,
        layers=model.layers,
        bidirectional=model.bidirectional,
        continuous=len(columns.continuous),
        categories=tuple(columns.categorical.values()),
        embedding_widths=model.embedding_widths,
        static_widths=model.static_widths,
        dropout=model.dropout,
    )


def _train(config: Config, dataset: Dataset, progress: Progress) -> Learner:
    training = Recordings(dataset, "train")
    validation = Recordings(dataset, "validation")
    dataset.rows("test")  # refuse before the work, not after it; so does the next line, which export would ask
    require_window(dataset.contract.signal)
    with _quiet():
        lightning.seed_everything(config.seed, verbose=False)
        learner = Learner(FusionModel(sizes(config, dataset), config.seed), config, validation)
        loader = DataLoader(
            training,
            batch_size=config.batch_size,
            shuffle=True,
            # a BatchNorm cannot train on a single record
            drop_last=len(training) % config.batch_size == 1,
            collate_fn=_as_is,
        )
        trainer = lightning.Trainer(
            max_epochs=config.epochs,
            callbacks=[_Told(progress)],
            deterministic=True,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(learner, loader)
    return learner


def _as_is(batch: Any) -> Any:
    """`Recordings` already gives whole batches."""
    return batch


class _Told(Callback):  # type: ignore[misc]  # Lightning is not typed here
    """Tells the progress after each step."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_train_batch_end(self, trainer: lightning.Trainer, learner: Learner, *_: object, **__: object) -> None:
        total = int(trainer.estimated_stepping_batches)
        self._progress(trainer.global_step, total, _remark(learner))


def _remark(learner: Learner) -> str:
    if not learner.history:
        return "steps"
    last = learner.history[-1]
    area = last["macro_auroc_validation"]
    return f"steps, epoch {last['epoch']:.0f}: loss {last['loss']:.3f}, AUROC {area:.3f}"


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning advises loader workers, which memory-mapped signals do not need, and tells of devices."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*isinstance\\(treespec, LeafSpec\\).*")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
