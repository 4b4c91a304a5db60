"""Why a request of the Open Inference Protocol is refused."""

from __future__ import annotations

from ecg2lab.errors import BackendError


class RequestError(BackendError):
    """A request is none of the protocol, or does not fit the model: 400, or INVALID_ARGUMENT."""


class UnknownModelError(RequestError):
    """There is no such model, or no such version of it: 404, or NOT_FOUND."""
