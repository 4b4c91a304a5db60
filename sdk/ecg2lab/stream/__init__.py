"""Streams: signals that are still coming in, opened by `Engine.stream` and answered every hop."""

from ecg2lab.stream.prediction import Position, StreamPrediction
from ecg2lab.stream.stream import Stream

__all__ = ["Position", "Stream", "StreamPrediction"]
