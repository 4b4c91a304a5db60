"""A signal that is still coming in: opened by `Engine.stream`, answered every hop."""

from ecg2lab.stream.prediction import Position, StreamPrediction
from ecg2lab.stream.stream import Stream

__all__ = ["Position", "Stream", "StreamPrediction"]
