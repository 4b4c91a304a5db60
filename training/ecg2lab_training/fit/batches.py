"""Batches of random crops in an order that is known beforehand, read in a thread while the last one is worked on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ecg2lab_training.data.crops import Batch, Recordings
from ecg2lab_training.fit.seeds import seed_of


class Step(NamedTuple):
    """What one process sees in one step."""

    batch: Batch
    counts: Tensor  # (n) known labels of the whole batch, of which a process may see a part


class Batches:
    """What each step of each epoch sees: a function of the seed, the epoch and the step.

    Several processes divide each batch among them, so their count does not change what a step sees.
    """

    def __init__(self, recordings: Recordings, batch_size: int, seed: int, rank: int = 0, processes: int = 1) -> None:
        """Of one process among several."""
        self._recordings = recordings
        self._batch_size = batch_size
        self._seed = seed
        self._rank, self._processes = rank, processes
        self.steps = len(recordings) // batch_size
        """Of one epoch; what is left for an incomplete batch is left out, other records in each epoch."""
        self.waited_s = 0.0
        """For data, so far."""

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Step]:
        """Yield the batches of an epoch from step `first` on; the next one is read while the last one is used."""
        order = self._order(epoch)
        with ThreadPoolExecutor(max_workers=1) as reader:
            coming = reader.submit(self._step, order, epoch, first)
            for step in range(first, self.steps):
                start = time.perf_counter()
                this = coming.result()
                self.waited_s += time.perf_counter() - start
                if step + 1 < self.steps:
                    coming = reader.submit(self._step, order, epoch, step + 1)
                yield this

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng(seed_of("order", self._seed, epoch)).permutation(len(self._recordings))

    def _step(self, order: NDArray[np.int64], epoch: int, step: int) -> Step:
        whole = order[step * self._batch_size :][: self._batch_size]
        random = np.random.default_rng(seed_of("crops", self._seed, epoch, step))
        starts = random.integers(self._recordings.last_start + 1, size=len(whole))
        mine = np.array_split(np.arange(len(whole)), self._processes)[self._rank]
        return Step(self._recordings.crops(whole[mine], starts[mine]), self._recordings.label_counts(whole))
