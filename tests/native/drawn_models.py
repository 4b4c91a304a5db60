"""Models that hypothesis draws: a contract of any kind, over a network of one tiny layer with random weights."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import msgspec
import numpy as np
from hypothesis import strategies as st
from native_tools import DEMO
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load, save

from ecg2lab import bundle as bundles
from ecg2lab import contract as contracts
from ecg2lab.bundle import EXPERIENCE, GOLDEN, WEIGHTS, WINDOW_GRAPH, Bundle
from ecg2lab.contract import claims
from ecg2lab.recording.leads import STANDARD

HIDDEN, EMBEDDED, WIDTH = 8, 3, 4
FEATURES = HIDDEN + WIDTH
LAYER = "layers.0."
RANGES = {
    "respiratory_per_min": (0, 300), "spo2_percent": (0, 100), "age": (0, 120), "diastolic_mmhg": (0, 500),
    "heart_rate_bpm": (0, 700), "systolic_mmhg": (0, 500), "temperature_f": (50, 150), "height_cm": (60, 400),
    "bmi": (0, 100), "weight_kg": (20, 400),
}  # fmt: skip
MEASURED = {
    "missing": 0.5, "flat": 0.5, "clipped": 0.5, "too_small": 0.5, "too_large": 3, "saturated": 0.1, "noise": 0.1,
    "wander": 1, "mains": 0.1, "bsqi": 1, "ksqi": 6, "ssqi": 2, "psqi": 1, "bassqi": 1, "duplicate": 0.1,
    "limb_algebra": 0.5, "arm_reversal": 1, "paced": 1,
}  # fmt: skip
"""Every figure that a contract limits, and how large it commonly is: limits are drawn from below and above it."""


def optional(strategy):
    return st.none() | strategy


def mostly(strategy):
    return st.integers(0, 4).flatmap(lambda number: strategy if number else st.none())


def contract_values():
    """Contracts of which each part that native and Python could take differently is drawn."""
    return st.builds(
        contracts.Contract,
        name=st.sampled_from(["a model", "Modell “ä” \\ 心"]),
        signal=st.builds(
            contracts.Signal,
            leads=st.lists(st.sampled_from(STANDARD), min_size=1, unique=True).map(tuple),
            sampling_rate_hz=st.sampled_from([100.0, 128.0, 240.0, 500.0]),
            window_samples=st.integers(30, 400) | st.sampled_from([250, 400]),
        ),
        preprocessing=preprocessings(),
        continuous=(
            st.lists(st.sampled_from(sorted(RANGES)), unique=True) | st.sampled_from([["bmi", "age"], sorted(RANGES)])
        ).flatmap(each(numbers)),
        categorical=st.lists(st.sampled_from(["sex", "race"]), min_size=1, unique=True).flatmap(each(categories)),
        missing_flags=st.sampled_from(["none", "continuous", "categorical"]),
        targets=st.integers(1, 3).flatmap(lambda count: st.tuples(*map(targets, range(count)))),
        population=st.builds(contracts.Population, minimum_age=st.sampled_from([0.0, 18.0, 64.5])),
        quality=quality_limits(),
    ).flatmap(with_experience)


def each(strategy):
    """From names to a tuple of what is drawn for each."""
    return lambda names: st.tuples(*map(strategy, names))


def preprocessings():
    bands = st.tuples(st.floats(0.05, 2), st.floats(20, 60), st.integers(1, 6)).map(
        lambda band: contracts.BandPass(low_hz=band[0], high_hz=band[1], order=band[2])
    )
    notches = st.builds(contracts.Notch, frequency_hz=st.sampled_from([50, 60]), quality=st.floats(1, 60))
    return st.builds(
        contracts.Preprocessing,
        clip_mv=st.floats(0.5, 10),
        band_pass=optional(bands),
        notch=optional(notches),
    )


def numbers(name):
    low, high = RANGES[name]
    code = contracts.TopCode(above=low + (high - low) * 0.4, value=low + (high - low) * 0.45)
    return st.builds(
        contracts.ContinuousFeature,
        name=st.just(name),
        unit=st.just(contracts.NUMBERS[name]),
        minimum=st.just(float(low)),
        maximum=st.just(float(high)),
        median=mostly(st.floats(low, high)),
        top_code=optional(st.just(code)),
    )


def categories(name):
    words = contracts.CATEGORIES[name]
    return st.builds(
        contracts.CategoricalFeature,
        name=st.just(name),
        categories=st.sampled_from([words, words[:2], (*words[::-1], "unknown")]),
        missing_code=mostly(st.integers(0, 1)),
    )


@cache
def targets(index):
    criteria = st.builds(
        contracts.Criterion,
        lab=st.sampled_from(["potassium", "Kreatinin"]),
        loinc=optional(st.just("2823-3")),
        unit=st.sampled_from(["mEq/L", ""]),
        comparison=st.sampled_from(["<", "<=", ">", ">="]),
        threshold=st.floats(-1e7, 1e7),
        setting=st.sampled_from(["prediction", "forecasting"]),
        horizon_min=st.integers(1, 1_000_000),
        category=st.sampled_from(["electrolytes", "other"]),
    )
    calibrations = st.builds(contracts.Calibration, slope=st.floats(0.1, 3), intercept=st.floats(-4, 4))
    return rules().flatmap(
        lambda rule: st.builds(
            contracts.Target,
            name=st.just(f"target {index}"),
            criterion=optional(criteria),
            decision_threshold=st.just(rule.decision_threshold),
            calibration=optional(calibrations),
            decision=st.just(rule.decision),
        )
    )


@cache
def decided_contracts():
    """Contracts that differ in what targets are flagged by, and answer whatever they are asked."""
    facts = st.sampled_from([["age"], ["bmi", "age"], ["heart_rate_bpm", "age", "spo2_percent"], ["bmi"]])
    return st.builds(
        contracts.Contract,
        name=st.just("decided"),
        signal=st.just(contracts.Signal(leads=("I", "V1"), sampling_rate_hz=100.0, window_samples=50)),
        preprocessing=st.just(contracts.Preprocessing()),
        continuous=facts.map(lambda chosen: tuple(map(with_median, chosen))),
        categorical=st.sampled_from([["sex"], ["sex", "race"], ["race"]]).map(
            lambda chosen: tuple(map(with_missing_code, chosen))
        ),
        targets=st.integers(1, 3).flatmap(lambda count: st.tuples(*map(targets, range(count)))),
        population=st.just(contracts.Population(minimum_age=0)),
        quality=st.just(contracts.QualityLimits(**dict.fromkeys(MEASURED, contracts.Limit()))),
    ).flatmap(with_experience)


def with_median(name):
    low, high = RANGES[name]
    return contracts.ContinuousFeature(
        name=name, unit=contracts.NUMBERS[name], minimum=low, maximum=high, median=(low + high) / 2
    )


def with_missing_code(name):
    return contracts.CategoricalFeature(name=name, categories=contracts.CATEGORIES[name], missing_code=0)


@st.composite
def facts_of(draw, contract):
    """About a patient: all that the contract takes, age and sex alone, or any others."""
    names = contract.feature_names
    chosen = draw(st.just(names) | st.just(("age", "sex")) | st.lists(st.sampled_from(names), unique=True))
    return {name: contracts.CATEGORIES[name][1] if name in contracts.CATEGORIES else 70.0 for name in chosen}


class Rule(NamedTuple):
    """What a target is flagged by."""

    decision_threshold: float | None
    decision: claims.Decision | None


@st.composite
def rules(draw):
    """A decision; a bare threshold, as contracts of 0.1.0 have it; both, which agree; or none."""
    kind = draw(st.sampled_from(["decision", "decision", "both", "bare", "none"]))
    if kind in ("bare", "none"):
        return Rule(draw(THRESHOLDS) if kind == "bare" else None, None)
    decision = draw(decisions())
    stated = [point.threshold for point in decision.points if point.threshold is not None]
    return Rule(draw(st.sampled_from(stated)) if kind == "both" and stated else None, decision)


THRESHOLDS = st.floats(0.01, 0.99)
SETTINGS = st.tuples(st.sampled_from([1, 1, 2, 3, 4, 8]), st.sampled_from(["all", "age and sex"]))
"""Windows and facts of an operating point; a stream is of 1, and the drawn recordings of 1 to 4 most often."""
SENTENCES = ["12 positives: too few", "keine Schwelle “ä”\\"]


@cache
def decisions():
    settings = st.lists(SETTINGS, unique=True, min_size=1, max_size=4)
    return st.builds(
        claims.Decision,
        rule=st.sampled_from(["specificity=0.9", "youden"]),
        chosen_on=st.just("fold 18"),
        measured_on=st.sampled_from(["fold 19", "fold 18, by thresholds of other patients"]),
        points=settings.flatmap(lambda chosen: st.tuples(*(points(*setting) for setting in chosen))),
    )


MEASUREMENTS = st.tuples(*[st.floats(0, 1)] * 3).map(
    lambda shares: claims.Measured(**dict(zip(("low", "value", "high"), sorted(shares), strict=True)))
)
COUNTS = st.sampled_from([0, 1, 90, 4711, 10**9])
MISSING = st.sampled_from([0, 0, 1, 2, 10, 10**9])
PREVALENCES = st.floats(0, 1) | st.just(0.0)
MAYBE_MEASURED, MAYBE_PREVALENCE = optional(MEASUREMENTS), optional(PREVALENCES)
MAYBE_CONFORMAL = optional(
    st.builds(
        claims.ConformalSet,
        error=st.sampled_from([0.05, 0.1]),
        positive_from=st.floats(0, 1),
        negative_to=st.floats(0, 1),
        coverage_positive=MAYBE_MEASURED,
        coverage_negative=MAYBE_MEASURED,
        unsure=MAYBE_MEASURED,
    )
)
MAYBE_THRESHOLD, REASONS = mostly(THRESHOLDS), st.sampled_from(SENTENCES)


@st.composite
def points(draw, windows, facts):
    """With a threshold, or the reason for none: then less needs to be stated."""
    threshold = draw(MAYBE_THRESHOLD)
    return claims.OperatingPoint(
        windows=windows,
        facts=facts,
        most_missing=draw(MISSING),
        threshold=threshold,
        reason=draw(REASONS) if threshold is None else None,
        patients=draw(COUNTS),
        positives=draw(COUNTS),
        negatives=draw(COUNTS),
        prevalence=draw(MAYBE_PREVALENCE if threshold is None else PREVALENCES),
        sensitivity=draw(MAYBE_MEASURED if threshold is None else MEASUREMENTS),
        specificity=draw(MAYBE_MEASURED if threshold is None else MEASUREMENTS),
        ppv=draw(MAYBE_MEASURED),
        npv=draw(MAYBE_MEASURED),
        conformal=None if threshold is None else draw(MAYBE_CONFORMAL),
    )


@st.composite
def experiences(draw, features):
    """Of a model that takes these numbers. What is drawn of features lies some 10 to 100 away."""
    settings = draw(st.lists(SETTINGS, unique=True, min_size=1, max_size=4))
    ranged = draw(st.lists(st.sampled_from(features), unique=True)) if features else []
    ends = st.sampled_from([(0.0, 500.0), (0.0, 500.0), (70.0, 70.0), (71.0, 80.0)])
    return claims.Experience(
        features=FEATURES,
        quantile=draw(st.sampled_from([0.99, 0.95])),
        trained_on="folds 0 to 17",
        chosen_on="fold 18",
        ranges=tuple(
            claims.TrainedRange(name=name, minimum=low, maximum=high) for name in ranged for low, high in [draw(ends)]
        ),
        limits=tuple(
            claims.ExperienceLimit(
                windows=windows, facts=facts, most_missing=draw(MISSING), distance=draw(st.floats(1, 300)), patients=90
            )
            for windows, facts in settings
        ),
    )


def with_experience(contract):
    """The contract, or the same with experience."""
    numbers = [feature.name for feature in contract.continuous]
    return optional(experiences(numbers)).map(lambda e: msgspec.structs.replace(contract, experience=e))


def quality_limits():
    """Most limits are left as they are, or taken away: a gate that refuses everything would hide what follows."""
    below = {"too_small", "bsqi", "ksqi", "ssqi", "psqi", "bassqi", "duplicate", "arm_reversal"}

    def limits(name):
        sizes = st.tuples(st.floats(0, 2), st.floats(0, 2)).map(sorted)
        return sizes.map(
            lambda pair: contracts.Limit(
                **dict(zip(("refuse", "warn") if name in below else ("warn", "refuse"), pair, strict=True))
            )
        )

    def of(name):
        never = st.just(contracts.Limit())
        scaled = limits(name).map(
            lambda limit: contracts.Limit(warn=limit.warn * MEASURED[name], refuse=limit.refuse * MEASURED[name])
        )
        warned = scaled.map(lambda limit: contracts.Limit(warn=limit.warn))
        return st.one_of(never, warned, scaled)

    names = st.lists(st.sampled_from(sorted(MEASURED)), unique=True, max_size=4)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: of(name) for name in chosen})).map(
        lambda chosen: contracts.QualityLimits(**chosen)
    )


def write_model(path, contract, seed):
    """Write a bundle of a contract over random weights."""
    template = _template()
    random = np.random.default_rng(seed)
    columns = contract.static_inputs
    weights = _layer(load(bytes(template.member(WEIGHTS))))
    weights |= _linear(random, "encoder", HIDDEN, len(contract.signal.leads))
    for index, codes in enumerate(columns.categorical.values()):
        weights[f"embeddings.{index}"] = random.standard_normal((codes, EMBEDDED)).astype(np.float32)
    inputs = len(columns.continuous) + EMBEDDED * len(columns.categorical)
    weights |= _linear(random, "static.0", WIDTH, inputs, scale=0.05)
    weights["static.0.mean"] = random.uniform(0, 100, inputs).astype(np.float32)
    weights |= _linear(random, "head", len(contract.targets), HIDDEN + WIDTH, scale=3)
    sizes = {"hidden": HIDDEN, "state_size": 8, "layers": 1, "causal": False, "features": FEATURES}
    sizes["parameters"] = sum(x.size for x in weights.values())
    manifest = msgspec.structs.replace(template.manifest, contract=contract, network=sizes, gates={})
    members = {name: template.member(name) for name in template.manifest.members}
    members |= {WEIGHTS: save(weights), GOLDEN: save(_golden(random, contract)), WINDOW_GRAPH: _graph(contract)}
    members.pop(EXPERIENCE, None)
    if contract.experience:
        whitening = random.standard_normal((FEATURES, FEATURES)).astype(np.float32)
        members[EXPERIENCE] = save({"mean": np.zeros(FEATURES, np.float32), "whitening": whitening})
    bundles.write(path, manifest, members)


@cache
def _template():
    return Bundle.open(DEMO)


def _layer(weights):
    """The demo's first layer, of as many channels as ours."""
    layer = {name.removeprefix(LAYER): x for name, x in weights.items() if name.startswith(LAYER)}
    cut = {name: x[:, :HIDDEN] for name, x in layer.items() if name in ("a", "b", "c", "cascade.taps")}
    cut |= {name: layer[name][:HIDDEN] for name in ("d", "cascade.h", "cascade.r", "norm.weight", "norm.bias")}
    cut |= {"output.weight": layer["output.weight"][: 2 * HIDDEN, :HIDDEN]}
    cut |= {"output.bias": layer["output.bias"][: 2 * HIDDEN]}
    return {LAYER + name: np.ascontiguousarray(x) for name, x in cut.items()}


def _linear(random, name, out, into, scale=1.0):
    weight = random.uniform(-scale, scale, (out, into)) / np.sqrt(max(into, 1))
    return {
        f"{name}.weight": weight.astype(np.float32),
        f"{name}.bias": random.uniform(-scale, scale, out).astype(np.float32),
    }


def _graph(contract):
    """Of the right inputs and outputs; nobody runs it here."""
    signal, columns = contract.signal, contract.static_inputs
    shapes = {
        "signal": (TensorProto.FLOAT, [len(signal.leads), signal.window_samples]),
        "continuous": (TensorProto.FLOAT, [len(columns.continuous)]),
        "categorical": (TensorProto.INT64, [len(columns.categorical)]),
        "logits": (TensorProto.FLOAT, [len(contract.targets)]),
        "features": (TensorProto.FLOAT, [FEATURES]),
    }
    ports = [helper.make_tensor_value_info(name, kind, ["batch", *sizes]) for name, (kind, sizes) in shapes.items()]
    weights = [
        numpy_helper.from_array(np.zeros((len(signal.leads), columns), np.float32), f"to_{name}")
        for name, columns in (("logits", len(contract.targets)), ("features", FEATURES))
    ]
    nodes = [
        helper.make_node("ReduceMax", ["signal"], ["highest"], axes=[2], keepdims=0),
        *(helper.make_node("MatMul", ["highest", f"to_{name}"], [name]) for name in ("logits", "features")),
    ]
    graph = helper.make_graph(nodes, "drawn", ports[:3], ports[3:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def _golden(random, contract):
    """Of the shapes that a reader looks for; nobody compares them here."""
    columns, signal = contract.static_inputs, contract.signal
    return {
        "signal": random.standard_normal((1, len(signal.leads), signal.window_samples)).astype(np.float32),
        "continuous": np.zeros((1, len(columns.continuous)), np.float32),
        "categorical": np.zeros((1, len(columns.categorical)), np.int64),
        "logits": np.zeros((1, len(contract.targets))),
    }
