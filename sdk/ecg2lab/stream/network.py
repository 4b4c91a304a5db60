"""How a stream asks the network: anew for each window, or sample by sample with a state."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.errors import BackendError
from ecg2lab.patient.features import Features
from ecg2lab.stream.step import MOST_IN_A_STATE, StepGraph, StepState

By = Literal["windows", "state"]
Kept = list[tuple[int, bytes]]
"""What is remembered, ready to be saved: a window's number, and numbers as bytes."""


class Answered(NamedTuple):
    """What the network says at one window."""

    outputs: Outputs  # (windows averaged, …)
    since: int
    """Number of the first window that the answer rests on."""


class Network(Protocol):
    """Is shown every window of a stream, in order."""

    def answer(self, number: int, signal: NDArray[np.float32], features: Features) -> Answered:
        """Answer at a window, (1, leads, L); after an error the same window may be shown again."""

    def refuse(self) -> None:
        """Be told that a window is not good enough to answer from."""

    def reset(self) -> None:
        """Forget everything."""

    def save(self) -> Kept:
        """What `restore` takes."""

    def restore(self, kept: Kept) -> None:
        """Remember what `save` gave.

        Raises
        ------
        BackendError
            If it cannot have been given by this model; nothing has changed then.
        """


class ByWindows(Network):
    """Every window anew, with those shortly before it where an average was asked for.

    One window at a time: whether a push makes one due or ten, its answer has the same bits.

    Parameters
    ----------
    outputs
        `Engine.outputs`.
    average
        Windows, refused ones among them, over which answers are averaged.
    sizes
        Logits of a window, and its features where the model gives them.
    """

    def __init__(self, outputs: Callable[..., Outputs], average: int, sizes: tuple[int, ...]) -> None:
        self._outputs = outputs
        self._average = average
        self._sizes = sizes
        self._latest: deque[tuple[int, Outputs]] = deque(maxlen=average)

    def answer(self, number: int, signal: NDArray[np.float32], features: Features) -> Answered:
        self._latest.append((number, self._outputs(signal, features.continuous[None], features.categorical[None])))
        while self._latest[0][0] <= number - self._average:
            self._latest.popleft()
        arrays = zip(*(outputs.arrays for _, outputs in self._latest), strict=True)
        return Answered(Outputs(*map(np.concatenate, arrays)), self._latest[0][0])

    def refuse(self) -> None:
        pass  # the windows before it are still good

    def reset(self) -> None:
        self._latest.clear()

    def save(self) -> Kept:
        return [
            (number, b"".join(array.astype("<f4").tobytes() for array in outputs.arrays))
            for number, outputs in self._latest
        ]

    def restore(self, kept: Kept) -> None:
        latest = [(number, _outputs(content, self._sizes)) for number, content in kept]
        if len(latest) > self._average:
            raise BackendError("this state remembers more windows than the stream averages")
        self._latest = deque(latest, maxlen=self._average)


class ByState(Network):
    """A causal model's own state, which no sample passes twice.

    It begins with a whole window and then takes in a hop at a time. A refused window ends it, so that what a lead that
    was off left behind cannot stay in it; so does the number of samples that it can count.

    Parameters
    ----------
    hop
        Samples from one window to the next, at most a window.
    require_open
        Raises BackendError if the engine is closed.
    """

    def __init__(self, graph: StepGraph, hop: int, require_open: Callable[[], object]) -> None:
        self._graph = graph
        self._hop = hop
        self._require_open = require_open
        self._state: StepState | None = None
        self._since = 0

    def answer(self, number: int, signal: NDArray[np.float32], features: Features) -> Answered:
        self._require_open()
        state, since, samples = self._state, self._since, signal[:, :, -self._hop :]
        if state is None or state.samples + self._hop > MOST_IN_A_STATE:
            state, since, samples = self._graph.initial(), number, signal
        outputs, self._state = self._graph.outputs(
            samples, features.continuous[None], features.categorical[None], state
        )
        self._since = since
        return Answered(outputs, since)

    def refuse(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._state = None

    def save(self) -> Kept:
        return [] if self._state is None else [(self._since, self._state.to_bytes())]

    def restore(self, kept: Kept) -> None:
        if len(kept) > 1:
            raise BackendError("this state is of more than one patient")
        states = [(number, StepState.from_bytes(content)) for number, content in kept]
        for _, state in states:
            self._graph.check_state(1, state)
        self._since, self._state = states[0] if states else (0, None)


def _outputs(content: bytes, sizes: tuple[int, ...]) -> Outputs:
    numbers = np.frombuffer(content, "<f4").astype(np.float32) if len(content) == 4 * sum(sizes) else None
    if numbers is None or not np.isfinite(numbers).all():
        raise BackendError("this state holds answers that are none of this model")
    return Outputs(*np.split(numbers[None], np.cumsum(sizes)[:-1], axis=1))
