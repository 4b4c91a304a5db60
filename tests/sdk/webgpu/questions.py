"""What a process with WebGPU is asked; `python questions.py QUESTION ARGUMENTS` prints the answer as JSON."""

import json
import os
import sys
import threading
import warnings
from pathlib import Path

import numpy as np

import ecg2lab
from ecg2lab.backends import Request, webgpu
from ecg2lab.backends.webgpu.device import Device, WebGpuGraph
from ecg2lab.bundle import Bundle
from ecg2lab.bundle.golden import read_golden
from ecg2lab.errors import Ecg2LabError
from ecg2lab.proof.parity import logit_error

INPUTS = ("signal", "continuous", "categorical")


def load(bundle, **options):
    return ecg2lab.load(bundle, backend="webgpu", allow_software=True, **options)


def golden(bundle, windows):
    arrays = read_golden(Bundle.open(bundle))
    return [np.resize(arrays[name], (windows, *arrays[name].shape[1:])) for name in INPUTS]


def apart(engine, other, inputs):
    return float(np.abs(engine.run(*inputs) - other.run(*inputs)).max())


def said(call):
    """Class and words of the error; None: there was none."""
    try:
        call()
    except Ecg2LabError as error:
        return [type(error).__name__, str(error)]
    return None


def info(bundle):
    told = []
    with load(bundle, tell=told.append) as engine:
        i = engine.info
        return {
            "told": told,
            **{name: getattr(i, name) for name in ("backend", "provider", "device", "precision", "notice", "versions")},
        }


def graph_error(path, windows):
    """Of the logits of a graph that is in no bundle, against float64."""
    device = webgpu.open_device(Request(allow_software=True))
    with np.load(windows) as stored:
        arrays = dict(stored)
    graph = WebGpuGraph(Path(path).read_bytes(), device)
    (logits,) = graph.run(["logits"], {name: arrays[name] for name in INPUTS})
    return logit_error(logits, arrays["logits"])


def proved(checkpoint, out):
    """Backends on WebGPU in the proof of an export that allows a software adapter, and of one that does not."""
    from ecg2lab_export import export

    def backends(allowed):
        report = export(checkpoint, out, synthetic_weights=True, allow_software=allowed)
        return sorted({check.backend for check in report.checks if "webgpu" in check.backend})

    return {"with": backends(True), "without": backends(False)}


def batches(bundle, *sizes):
    with load(bundle) as engine, ecg2lab.load(bundle, backend="native", threads=1) as native:
        return {size: apart(engine, native, golden(bundle, int(size))) for size in sizes}


def threads(one, other):
    """Two engines on the one device, each asked by two threads at once."""
    engines = [load(one), load(other)]
    asked = [golden(bundle, 3) for bundle in (one, other)]
    alone = [engine.run(*inputs) for engine, inputs in zip(engines, asked, strict=True)]
    apart, failures = [], []

    def ask(engine, inputs, expected):
        try:
            apart.extend(float(np.abs(engine.run(*inputs) - expected).max()) for _ in range(4))
        except Exception as error:
            failures.append(repr(error))

    workers = [threading.Thread(target=ask, args=case) for case in 2 * list(zip(engines, asked, alone, strict=True))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return {"answers": len(apart), "apart": max(apart), "failures": failures}


def answers(engine, record, by):
    """Probabilities of a stream, at a hop of two seconds, and its engine."""
    samples = record.samples
    stream = engine.stream(fs=record.fs, leads=record.leads, unit="mV", hop_s=2.0, by=by)
    every = []
    for start in range(0, samples.shape[1], 333):
        every += stream.push(samples[:, start : start + 333])
    return every + stream.finish()


def streams(bundle, record, by):
    record = ecg2lab.read(record)
    with load(bundle) as engine, ecg2lab.load(bundle, backend="onnxruntime", threads=1) as other:
        ours, theirs = answers(engine, record, by), answers(other, record, by)
        pairs = zip(ours, theirs, strict=True)
        return {
            "answers": len(ours),
            "apart": furthest(pairs),
            "ran": [ours[0].engine.backend, ours[0].engine.form, ours[0].engine.device],
        }


def explanation(bundle, record):
    record = ecg2lab.read(record)
    with load(bundle) as engine, ecg2lab.load(bundle, backend="native", threads=1) as native:
        target = engine.contract.target_names[0]
        one, other = (e.explain(record, None, target, segment_s=1.25) for e in (engine, native))
        pairs = zip((*one.leads, *one.segments), (*other.leads, *other.segments), strict=True)
        return max(abs(a.logit - b.logit) for a, b in pairs)


def lost(bundle, folder):
    """A device that is lost in mid-stream, with two engines on it."""
    engine, other = load(bundle), load(bundle)
    inputs, fault = golden(bundle, 2), Path(folder) / "lost"
    before = engine.run(*inputs)
    fault.touch()
    while_lost = [said(lambda: engine.run(*inputs)), said(lambda: engine.run(*inputs))]
    fault.unlink()
    after = [e.run(*inputs) for e in (engine, other, engine)]
    return {"said": while_lost, "apart": max(float(np.abs(x - before).max()) for x in after)}


def lost_in_mid_stream(bundle, record, folder):
    """The answers of a stream whose device is lost once, beside those of one that goes on, on the CPU."""
    record, fault = ecg2lab.read(record), Path(folder) / "lost"
    with load(bundle) as engine, ecg2lab.load(bundle, backend="onnxruntime", threads=1) as other:
        expected, samples = answers(other, record, None), record.samples
        stream = engine.stream(fs=record.fs, leads=record.leads, unit="mV", hop_s=2.0)
        half = samples.shape[1] // 2
        every = stream.push(samples[:, :half])
        fault.touch()
        error = said(lambda: stream.push(samples[:, half : 2 * half]))
        fault.unlink()
        every += stream.push(samples[:, 2 * half :]) + stream.finish()
        pairs = zip(every, expected, strict=True)
        return {"said": error[0], "answers": len(every), "apart": furthest(pairs)}


def furthest(pairs):
    """Between the probabilities of predictions."""
    findings = (pair for a, b in pairs for pair in zip(a.findings, b.findings, strict=True))
    return max(abs(f.probability - g.probability) for f, g in findings)


def forked(bundle):
    engine, inputs = load(bundle), golden(bundle, 1)
    reading, writing = os.pipe()
    held, done = threading.Event(), threading.Event()

    def hold():
        with Device.lock:  # as a thread does that computes
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        child = os.fork()
    if child == 0:
        os.write(writing, json.dumps([said(lambda: engine.run(*inputs)), said(lambda: load(bundle))]).encode())
        os._exit(0)
    done.set()
    holder.join()
    os.close(writing)
    heard = os.read(reading, 65536)
    os.waitpid(child, 0)
    return {"child": json.loads(heard), "parent": said(lambda: engine.run(*inputs))}


def second_adapter(bundle, first, second):
    with load(bundle, adapter=first) as engine:
        return {"first": engine.info.device, "second": said(lambda: load(bundle, adapter=second))}


def graph(path):
    """Whether any graph of ONNX can be had."""
    device = webgpu.open_device(Request(allow_software=True))
    return said(lambda: WebGpuGraph(Path(path).read_bytes(), device))


def refusal(bundle, *options):
    pairs = [option.split("=") for option in options]
    return said(lambda: ecg2lab.load(bundle, backend="webgpu", **{name: json.loads(value) for name, value in pairs}))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
