"""What is counted, for Prometheus: of recordings, answers and destinations, never of a patient."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ecg2lab.answer.prediction import EngineInfo, Prediction
from ecg2lab.edge.ledger import Kept, Ledger
from ecg2lab.report.document import Refusal

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)


class Metrics:
    """Of one node. Safe to share between threads."""

    def __init__(self, engine: EngineInfo, mode: str, ledger: Ledger) -> None:
        self._registry = CollectorRegistry()
        self._recordings = self._counter("recordings", "Recordings that are no longer waiting.", "state")
        self._refusals = self._counter("refusals", "Recordings that were refused, by the type of the error.", "type")
        self._verdicts = self._counter("verdicts", "Answers, by target and verdict.", "target", "verdict")
        self._sent = self._counter(
            "sent", "Attempts to send a message, by what became of it.", "destination", "outcome"
        )
        self._latency = Histogram(
            "ecg2lab_answer_seconds",
            "From a recording's arrival to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(_State(engine, mode, ledger))

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"ecg2lab_{name}", meaning, labels, registry=self._registry)

    def answered(self, kept: Kept, said: Prediction | Refusal | None) -> None:
        """Count a recording that is no longer waiting, and what was said of it; None: nothing."""
        self._recordings.labels(kept.state).inc()
        if kept.answered is not None:
            self._latency.observe(max(kept.answered - kept.received, 0.0))
        if isinstance(said, Refusal):
            self._refusals.labels(said.error.type).inc()
        elif isinstance(said, Prediction):
            for finding in said.findings:
                self._verdicts.labels(finding.code, finding.verdict).inc()

    def sent(self, destination: str, outcome: str) -> None:
        """Count an attempt to send."""
        self._sent.labels(destination, outcome).inc()

    def text(self) -> bytes:
        """All of it, in the format of Prometheus."""
        return generate_latest(self._registry)


class _State(Collector):
    """What is read from the ledger when it is asked for."""

    def __init__(self, engine: EngineInfo, mode: str, ledger: Ledger) -> None:
        self._about = [engine.model, engine.bundle_digest, engine.precision, engine.provider, mode]
        self._ledger = ledger

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As Prometheus wants it."""
        about = GaugeMetricFamily(
            "ecg2lab_model", "What answers.", labels=["name", "digest", "precision", "provider", "mode"]
        )
        about.add_metric(self._about, 1)
        yield about
        counts = self._ledger.counts()
        kept = GaugeMetricFamily("ecg2lab_kept", "Recordings that are kept, by state.", labels=["state"])
        for state, count in counts.recordings.items():
            kept.add_metric([state], count)
        yield kept
        owed = GaugeMetricFamily("ecg2lab_messages", "Messages that are kept.", labels=["destination", "state"])
        for destination, states in counts.destinations.items():
            for state, count in states.items():
                owed.add_metric([destination, state], count)
        yield owed
