"""Answers the Open Inference Protocol, whichever way it was asked."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from ecg2lab.bundle.network_inputs import check_inputs
from ecg2lab.edge.inference.description import VERSION, Description, describe
from ecg2lab.edge.inference.refusals import RequestError, UnknownModelError
from ecg2lab.edge.inference.tensors import Request
from ecg2lab.engine import Engine
from ecg2lab.errors import BackendError, OverloadError

MOST_REQUESTS = 32
"""That are in memory at the same time; further ones are refused."""
_HOUR_S = 3600.0


class Inference:
    """One model. Safe to share between threads.

    Parameters
    ----------
    engine
        Answers.
    name
        What to call the model; None: after the bundle's file.
    most_windows
        In one request.
    turn
        Whoever computes holds it.
    count
        Is told the protocol (`rest`, `grpc`), what became of a request (`answered`, `refused`, `failed`), its windows.
    note
        Is told who asks, once an hour.
    """

    def __init__(
        self,
        engine: Engine,
        name: str | None,
        most_windows: int,
        turn: threading.Semaphore,
        count: Callable[[str, str, int], None],
        note: Callable[[str], None],
    ) -> None:
        self.model: Description = describe(engine, name)
        self.most_windows = most_windows
        self._engine, self._turn, self._count, self._note = engine, turn, count, note
        self._noted: dict[str, float] = {}
        self._room = threading.BoundedSemaphore(MOST_REQUESTS)

    def find(self, name: str, version: str = "") -> Description:
        """The model.

        Raises
        ------
        UnknownModelError
            If it is not called so, or has no such version.
        """
        if name != self.model.name:
            raise UnknownModelError(f"there is no model of that name here; it is called {self.model.name}")
        if version not in ("", VERSION):
            raise UnknownModelError(f"{name} has the version {VERSION} alone")
        return self.model

    @contextmanager
    def taken(self, protocol: str, who: str) -> Iterator[None]:
        """Hold a place for a request, and count what becomes of it.

        Parameters
        ----------
        protocol
            `rest` or `grpc`.
        who
            Asks.

        Raises
        ------
        OverloadError
            If all places are taken.
        """
        if not self._room.acquire(blocking=False):
            self._count(protocol, "refused", 0)
            raise OverloadError(f"{MOST_REQUESTS} requests are being answered: send it again in a moment")
        try:
            self._say(who)
            yield
        except RequestError:
            self._count(protocol, "refused", 0)
            raise
        except BackendError:
            self._count(protocol, "failed", 0)
            raise
        finally:
            self._room.release()

    def _say(self, who: str) -> None:
        now = time.monotonic()
        if now - self._noted.get(who, -math.inf) >= _HOUR_S:
            self._noted[who] = now
            self._note(who)

    def infer(self, protocol: str, request: Request) -> list[NDArray[Any]]:
        """Run the network; the outputs that were asked for, (B, …) float32.

        Raises
        ------
        RequestError
            If a value is not finite, a code does not exist, or the inputs are not equally many.
        BackendError
            If the engine fails.
        """
        try:
            window = self._engine.contract.signal.window_samples
            inputs = check_inputs(self._engine.contract, **request.inputs, samples=window)
        except BackendError as error:
            raise RequestError(str(error)) from None
        with self._turn:
            outputs = self._engine.outputs(*inputs)._asdict()
        self._count(protocol, "answered", len(inputs.signal))
        return [outputs[wanted.tensor.name] for wanted in request.outputs]
