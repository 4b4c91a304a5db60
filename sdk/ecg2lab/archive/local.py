"""Workers on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from queue import SimpleQueue

from ecg2lab.archive.plan import Batch
from ecg2lab.archive.rows import Row
from ecg2lab.archive.scoring import Task
from ecg2lab.archive.worker import Worker


class Local:
    """So many processes, and a thread that waits for each."""

    def __init__(self, task: Task, workers: int) -> None:
        self._workers = [Worker(task) for _ in range(workers)]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(workers)

    def scored(self, batches: Iterable[tuple[str, Batch]]) -> Iterator[tuple[str, list[Row]]]:
        """The rows of batches, by key, in the order in which they are done.

        Raises
        ------
        Ecg2LabError
            If the model cannot be loaded.
        """
        remaining = iter(batches)
        running: dict[Future[list[Row]], str] = {}
        while True:
            for key, batch in islice(remaining, 2 * len(self._workers) - len(running)):
                running[self._threads.submit(self._score, batch)] = key
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()

    def _score(self, batch: Batch) -> list[Row]:
        worker = self._free.get()
        try:
            return worker.score(batch)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.close()
        self._threads.shutdown()
