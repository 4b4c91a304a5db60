"""A training run: data set and configuration → RUN folder."""

from __future__ import annotations

import dataclasses
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from msgspec.structs import asdict, replace

from ecg2lab.errors import DatasetError
from ecg2lab_export.architecture.contract_fit import require_window
from ecg2lab_training.data import imputation
from ecg2lab_training.data.crops import Recordings
from ecg2lab_training.data.dataset import Dataset, Part
from ecg2lab_training.fit.batches import Batches, Step
from ecg2lab_training.fit.config import Config
from ecg2lab_training.fit.course import Course
from ecg2lab_training.fit.learner import Learner
from ecg2lab_training.fit.partial import Identity, Partial, partial
from ecg2lab_training.fit.run_writer import Run, write_run
from ecg2lab_training.measures import operating_points
from ecg2lab_training.network.model import FusionModel
from ecg2lab_training.network.sizes import Sizes
from ecg2lab_training.progress import Progress, silent

Precision = Literal["fp32", "bf16"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
LOGS = "logs"
FEWEST_OF_DEVICE = 2
"""Records of a batch: a BatchNorm cannot train on a single one."""
_LIGHTNING_PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


def fit(
    config: Config,
    dataset: Dataset,
    run_dir: str | Path,
    progress: Progress = silent,
    *,
    devices: int = 1,
    precision: Precision = "fp32",
    accelerator: str = "auto",
    checkpoint_s: float = 60.0,
) -> Run | None:
    """Train a model and write its RUN folder, which appears whole or not at all.

    The same configuration, data set, machine and thread count give the same weights. A run that was killed leaves
    RUN.partial; the same call goes on from there, and ends with the weights that it would have had.

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
    devices
        Processes that divide each batch among them, each on a device of its own.
    precision
        `bf16`: products in bfloat16, parameters and the convolution in float32.
    accelerator
        As Lightning names it: `auto`, `cpu`, `gpu`.
    checkpoint_s
        Seconds after which the state of the run is saved again; it is saved after each epoch anyway.

    Returns
    -------
    Run or None
        What was written; None in the processes beside the first, which train with it and write nothing.

    Raises
    ------
    OutputError
        If the folder is taken.
    DatasetError
        If the data set has no record in one of the three parts, the training diverges, or RUN.partial was begun with
        another data set or configuration.
    ContractError
        If the data set's window is shorter than the resampler's look-ahead.
    """
    dataset = _with_flags(config, dataset)
    _check(config, dataset, devices)
    trainer_options = {"devices": devices, "accelerator": accelerator, "precision": _LIGHTNING_PRECISION[precision]}
    if _rank(devices):
        with _threads(config.threads):
            _train(config, dataset, Partial.beside(Path(run_dir)), trainer_options, 0.0, silent)
        return None
    identity = Identity(config=config, dataset_sha256=dataset.digest, devices=devices, precision=precision)
    with partial(run_dir, identity) as folder, _threads(config.threads):
        learner = _train(config, dataset, folder, trainer_options, checkpoint_s, progress)
        return write_run(folder.run, config, dataset, learner)


def _check(config: Config, dataset: Dataset, devices: int) -> None:
    """Refuse before the work, not after it."""
    records = {part: len(dataset.rows(part)) for part in PARTS}
    if records["train"] < config.batch_size:
        raise DatasetError(
            f"folds 0 to 17 have {records['train']} records, fewer than one batch of {config.batch_size}: "
            "take more patients, or lower batch_size"
        )
    if config.batch_size < FEWEST_OF_DEVICE * devices:
        raise DatasetError(
            f"a batch of {config.batch_size} is too small for {devices} devices, of which each needs at least "
            f"{FEWEST_OF_DEVICE} records: raise batch_size"
        )
    operating_points.parse(config.decide)
    require_window(dataset.contract.signal)  # export would ask it
    imputation.learn(dataset)
    sizes(config, dataset)


def _rank(devices: int) -> int:
    """Of this process: Lightning starts the command again for each further device."""
    return int(os.environ.get("LOCAL_RANK", "0")) if devices > 1 else 0


def _with_flags(config: Config, dataset: Dataset) -> Dataset:
    if config.missing_flags is None:
        return dataset
    return dataclasses.replace(dataset, contract=replace(dataset.contract, missing_flags=config.missing_flags))


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
        **asdict(model),
        targets=len(contract.targets),
        leads=len(contract.signal.leads),
        window=contract.signal.window_samples,
        continuous=len(columns.continuous),
        categories=tuple(columns.categorical.values()),
        inputs=config.inputs,
    )


def _train(
    config: Config,
    dataset: Dataset,
    folder: Partial,
    trainer_options: dict[str, Any],
    checkpoint_s: float,
    progress: Progress,
) -> Learner:
    processes = trainer_options["devices"]
    batches = Batches(
        Recordings(dataset, "train"), config.batch_size, config.seed, rank=_rank(processes), processes=processes
    )
    with _quiet():
        lightning.seed_everything(config.seed, verbose=False)
        learner = _learner(config, dataset)
        saved = folder.load()
        if saved is not None:
            learner.restore(saved)
        if learner.epoch < config.epochs:
            course = Course(batches, folder, config.seed, config.epochs, checkpoint_s, progress)
            trainer = _trainer(config.epochs - learner.epoch, course, folder, trainer_options)
            trainer.fit(learner, _Rest(batches, learner))
    return learner


def _learner(config: Config, dataset: Dataset) -> Learner:
    try:
        return Learner(FusionModel(sizes(config, dataset), config.seed), config, Recordings(dataset, "validation"))
    except (MemoryError, RuntimeError) as error:  # PyTorch tells of too little memory by a RuntimeError
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise DatasetError("the network does not fit into memory: lower its sizes in the configuration") from None


class _Rest:
    """What is left of the learner's epoch, each time it is asked."""

    def __init__(self, batches: Batches, learner: Learner) -> None:
        self._batches, self._learner = batches, learner

    def __iter__(self) -> Iterator[Step]:
        return self._batches.epoch(self._learner.epoch, self._learner.step)


def _trainer(epochs: int, course: Course, folder: Partial, options: dict[str, Any]) -> lightning.Trainer:
    logs = folder.run / LOGS
    return lightning.Trainer(
        max_epochs=epochs,
        callbacks=[course],
        deterministic=True,
        # each start of an interrupted run has a CSV file of its own; TensorBoard joins them
        logger=[CSVLogger(logs, name="csv"), TensorBoardLogger(logs, name="tensorboard", version="")],
        strategy="ddp" if options["devices"] > 1 else "auto",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


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
