"""Workers on a Ray cluster: a task for each batch, taken by any machine, and by another if that one is lost."""

from __future__ import annotations

import atexit
import io
import logging
import os
import secrets
import socket
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from itertools import islice
from typing import Any

from ecg2lab.archive.plan import Batch
from ecg2lab.archive.rows import Row
from ecg2lab.archive.scoring import Task
from ecg2lab.archive.worker import Worker
from ecg2lab.errors import BackendError, Ecg2LabError
from ecg2lab.system.names import shown

LOCAL = "local"
"""In place of an address: a cluster of this machine, for as long as the command runs."""
_RETRIES = 5
"""Of a batch, each time that a worker or its machine is lost."""
_ANSWER_S = 10.0
_workers: dict[str, Worker] = {}
"""In a process of Ray: what stays from one batch to the next."""


class OnRay:
    """Tasks on a cluster.

    Parameters
    ----------
    address
        Of the cluster, or `local`.
    workers
        Batches at once; None: as many as the cluster has CPUs.

    Raises
    ------
    BackendError
        If there is no such cluster.
    """

    def __init__(self, task: Task, address: str, workers: int | None) -> None:
        self._quiet = ExitStack()
        self._ray = _connected(address, workers)
        # Its news of lost processes go to standard output, which is somebody's summary.
        self._quiet.enter_context(redirect_stdout(io.StringIO()))
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._task = self._ray.put(task)
        self._score = self._ray.remote(num_cpus=1, max_retries=_RETRIES)(_score)

    def scored(self, batches: Iterable[tuple[str, Batch]]) -> Iterator[tuple[str, list[Row]]]:
        """The rows of batches, by key, in the order in which they are done.

        Raises
        ------
        Ecg2LabError
            If the model cannot be loaded, or the cluster is lost.
        """
        remaining = iter(batches)
        running: dict[Any, str] = {}
        while True:
            for key, batch in islice(remaining, 2 * self.workers - len(running)):
                # In a list the reference stays one: the bundle is fetched once by a process, not for each batch.
                running[self._score.remote([self._task], self._task.hex(), batch)] = key
            if not running:
                return
            done, _ = self._ray.wait(list(running), num_returns=1)
            for reference in done:
                yield running.pop(reference), self._rows(reference)

    def _rows(self, reference: Any) -> list[Row]:
        try:
            rows: list[Row] | Ecg2LabError = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            raise BackendError(
                f"a batch was lost on the Ray cluster ({type(error).__name__}); run this again"
            ) from None
        if isinstance(rows, Ecg2LabError):
            raise rows
        return rows

    def close(self) -> None:
        """Leave the cluster; a local one ends."""
        self._ray.shutdown()
        self._quiet.close()


def _connected(address: str, workers: int | None) -> Any:
    """Ray, connected; it tells nobody of its use, and the terminal nothing."""
    _require_heard(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if address == LOCAL:  # whose ports anybody could reach, and who reaches them runs programs
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    own = {"include_dashboard": False, "num_cpus": workers} if address == LOCAL else {}
    with warnings.catch_warnings(), _silent_descriptor(2):
        warnings.simplefilter("ignore")
        import ray

        try:
            ray.init(address, logging_level=logging.CRITICAL, log_to_driver=False, configure_logging=True, **own)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            said = (str(error).splitlines() or [""])[0]
            hint = "" if address == LOCAL else "; if it wants a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN"
            raise BackendError(f"there is no Ray cluster at {shown(address)}: {said}{hint}") from None
    return ray


@contextmanager
def _silent_descriptor(number: int) -> Iterator[None]:
    """What native code writes there within goes nowhere: it does not ask Python's `sys.stderr`."""
    kept, nowhere = os.dup(number), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, number)
        yield
    finally:
        os.dup2(kept, number)
        os.close(kept)
        os.close(nowhere)


def _require_heard(address: str) -> None:
    """Refuse at once where nobody listens: Ray would try for minutes, deaf to interrupts."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S):
            pass
    except (OSError, ValueError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise BackendError(f"there is no Ray cluster at {shown(address)}: {said}") from None


def _score(task: list[Any], token: str, batch: Batch) -> list[Row] | Ecg2LabError:
    """In a process of Ray. An error is an answer: Ray would print it, and wrap it."""
    worker = _workers.get(token)
    if worker is None:
        import ray

        _workers[token] = worker = Worker(ray.get(task[0]))
        atexit.register(worker.close)
    try:
        return worker.score(batch)
    except Ecg2LabError as error:
        return error
