"""What is counted, for Prometheus: of recordings, answers and destinations, never of a patient."""

from __future__ import annotations

import collections
import threading
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ecg2lab.answer.prediction import EngineInfo, Finding, Prediction
from ecg2lab.edge.drift.monitor import Drift
from ecg2lab.edge.ledger import Kept, Ledger
from ecg2lab.edge.problems import Problems
from ecg2lab.report.document import Refusal
from ecg2lab.stream import StreamPrediction

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600)


class Metrics:
    """Of one node. Safe to share between threads."""

    def __init__(self, engine: EngineInfo, mode: str, ledger: Ledger, drift: Drift, problems: Problems) -> None:
        self._registry = CollectorRegistry()
        self._recordings = self._counter("recordings", "Recordings that are no longer waiting.", "state")
        self._refusals = self._counter("refusals", "Recordings that were refused, by the type of the error.", "type")
        self._verdicts = _Verdicts("verdicts", "Answers, by target and verdict.")
        self._sent = self._counter(
            "sent", "Attempts to send a message, by what became of it.", "destination", "outcome"
        )
        self._requests = self._counter(
            "inference_requests", "Requests of the Open Inference Protocol.", "protocol", "outcome"
        )
        self._windows = self._counter("inference_windows", "Prepared windows that were answered.", "protocol")
        self._stream_windows = self._counter("stream_windows", "Windows of streams.", "outcome")
        self._stream_verdicts = _Verdicts("stream_verdicts", "The same by target and verdict.")
        self._streams = Gauge("ecg2lab_streams", "Streams that are kept.", registry=self._registry)
        self._latency = Histogram(
            "ecg2lab_answer_seconds",
            "From a recording's arrival to its answer.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(self._verdicts)
        self._registry.register(self._stream_verdicts)
        self._registry.register(_State(engine, mode, ledger))
        self._registry.register(_Drift(drift))
        self._registry.register(_Problems(problems))

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
            self._verdicts.count(said.findings)

    def sent(self, destination: str, outcome: str) -> None:
        """Count an attempt to send."""
        self._sent.labels(destination, outcome).inc()

    def inferred(self, protocol: str, outcome: str, windows: int) -> None:
        """Count a request of the Open Inference Protocol."""
        self._requests.labels(protocol, outcome).inc()
        self._windows.labels(protocol).inc(windows)

    def streamed(self, said: StreamPrediction) -> None:
        """Count a window of a stream."""
        self._stream_windows.labels("answered" if said.refusal is None else "refused").inc()
        self._stream_verdicts.count(said.findings)

    def streams(self, count: int) -> None:
        """How many streams there are now."""
        self._streams.set(count)

    def text(self) -> bytes:
        """All of it, in the format of Prometheus."""
        return generate_latest(self._registry)


class _Verdicts(Collector):
    """By target and verdict: many at a time, for which the library's own counters are slow."""

    def __init__(self, name: str, meaning: str) -> None:
        self._name, self._meaning = f"ecg2lab_{name}", meaning
        self._counted, self._turn = collections.Counter[tuple[str, str]](), threading.Lock()

    def count(self, findings: Iterable[Finding]) -> None:
        """Those of one answer."""
        said = [(finding.code, finding.verdict) for finding in findings]
        with self._turn:
            self._counted.update(said)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """As Prometheus wants it."""
        family = CounterMetricFamily(self._name, self._meaning, labels=["target", "verdict"])
        with self._turn:
            counted = dict(self._counted)
        for labels, count in counted.items():
            family.add_metric(labels, count)
        yield family


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


class _Drift(Collector):
    """As it was looked at last. There is no PSI without a complete reference and enough answers."""

    def __init__(self, drift: Drift) -> None:
        self._drift = drift

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """As Prometheus wants it."""
        report = self._drift.report()
        sizes = GaugeMetricFamily("ecg2lab_drift_n", "Answers that drift is measured on.", labels=["period"])
        sizes.add_metric(["window"], report.window.n)
        sizes.add_metric(["compared"], report.compared.n)
        sizes.add_metric(["reference"], report.reference.n)
        yield sizes
        labels = ["kind", "of"]
        index = GaugeMetricFamily("ecg2lab_drift_psi", "PSI against this node's first answers.", labels=labels)
        chance = GaugeMetricFamily("ecg2lab_drift_psi_by_chance", "PSI that chance alone gives.", labels=labels)
        for one in report.psi:
            index.add_metric([one.kind, one.of], one.psi)
            chance.add_metric([one.kind, one.of], one.chance)
        yield from (index, chance)
        labels = ["what", "of"]
        here = GaugeMetricFamily("ecg2lab_drift_here", "Figures of the newest answers.", labels=labels)
        stated = GaugeMetricFamily("ecg2lab_drift_stated", "The same, as the contract states them.", labels=labels)
        for figure in report.stated:
            if figure.here is not None:
                here.add_metric([figure.what, figure.of], figure.here)
                stated.add_metric([figure.what, figure.of], figure.stated)
        yield from (here, stated)


class _Problems(Collector):
    """What went wrong without anybody asking."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def collect(self) -> Iterator[CounterMetricFamily]:
        """As Prometheus wants it."""
        counted = CounterMetricFamily("ecg2lab_problems", "Errors by place and type.", labels=["where", "type"])
        for problem in self._problems.latest():
            counted.add_metric([problem.where, problem.type], problem.times)
        yield counted
