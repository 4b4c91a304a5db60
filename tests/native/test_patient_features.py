"""From patient to network input: equal to a plain Python reading of the rules, on random patients and contracts."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab._native import _core
from ecg2lab.errors import PatientError
from ecg2lab.patient.features import encode, with_missing_flags

FACTS = ecg2lab.Patient.__struct_fields__
PLAUSIBLE = {
    "age": (18, 119), "respiratory_per_min": (5, 60), "spo2_percent": (50, 100), "diastolic_mmhg": (30, 90),
    "systolic_mmhg": (90, 250), "heart_rate_bpm": (20, 300), "temperature_c": (11, 65), "temperature_f": (51, 149),
    "height_cm": (100, 399), "weight_kg": (21, 150), "bmi": (1, 99),
}  # fmt: skip
WORDS = dict(contracts.CATEGORIES)


@st.composite
def patients(draw):
    """Mostly plausible; sometimes a few values are anything."""
    facts = {}
    for name in draw(st.lists(st.sampled_from(FACTS), unique=True)):
        if name in WORDS:
            facts[name] = draw(st.sampled_from(WORDS[name]))
        elif not (name == "temperature_f" and "temperature_c" in facts) and not (
            name == "temperature_c" and "temperature_f" in facts
        ):
            facts[name] = draw(st.floats(*PLAUSIBLE[name]))
    numbers = sorted(set(facts) - set(WORDS))
    if numbers and draw(st.integers(0, 2)) == 0:
        for name in draw(st.lists(st.sampled_from(numbers), max_size=3, unique=True)):
            facts[name] = draw(st.floats(-1e4, 1e4))
    return facts


@st.composite
def models(draw, published):
    """Some of the published features, in any order, some without substitute."""
    numbers = draw(st.lists(st.sampled_from(published.continuous), unique=True))
    categories = draw(st.lists(st.sampled_from(published.categorical), unique=True))
    bare = draw(st.booleans())
    medians = [None if bare else draw(st.floats(f.minimum, f.maximum)) for f in numbers]
    return contracts.Contract(
        name="model",
        signal=published.signal,
        preprocessing=published.preprocessing,
        continuous=tuple(
            contracts.ContinuousFeature(
                name=f.name, unit=f.unit, minimum=f.minimum, maximum=f.maximum, median=median, top_code=f.top_code
            )
            for f, median in zip(numbers, medians, strict=True)
        ),
        categorical=tuple(
            contracts.CategoricalFeature(
                name=f.name, categories=f.categories, missing_code=None if bare else draw(st.integers(0, 1))
            )
            for f in categories
        ),
        missing_flags=draw(st.sampled_from(["none", "continuous", "categorical"])),
        targets=published.targets,
        population=contracts.Population(minimum_age=draw(st.sampled_from([0.0, 18.0, 65.0]))),
    )


class Refused(Exception):
    """By the reference."""


def reference(facts, contract, policy):
    """The rules that docs/bad-input.md and docs/reports.md state, one after another."""
    if not all(isinstance(v, str) or math.isfinite(v) for v in facts.values()):
        raise Refused("finite")
    young = 0 <= facts.get("age", math.inf) < contract.population.minimum_age
    ranges = {f.name: (f.minimum, f.maximum) for f in contract.continuous if f.median is not None}
    dropped = []

    def drop(known):
        if policy == "impute":
            for name, (low, high) in ranges.items():
                if name in known and not low <= known[name] <= high:
                    del known[name]
                    dropped.append(
                        "temperature_c" if (name, "temperature_c" in facts) == ("temperature_f", True) else name
                    )

    known = dict(facts)
    drop(known)
    exchanged = known.get("diastolic_mmhg", -math.inf) > known.get("systolic_mmhg", math.inf)
    if "temperature_c" in facts:
        known["temperature_f"] = facts["temperature_c"] * 9 / 5 + 32
    if "bmi" not in known and "weight_kg" in known and known.get("height_cm", 0) > 1:
        known["bmi"] = known["weight_kg"] / (known["height_cm"] / 100) ** 2
    drop(known)
    outside = [f for f in contract.continuous if f.name in known and not f.minimum <= known[f.name] <= f.maximum]
    no_body = {"height_cm", "weight_kg"} & {f.name for f in outside}
    names = [
        "temperature_c" if f.name == "temperature_f" and "temperature_c" in facts else f.name
        for f in outside
        if not (f.name == "bmi" and "bmi" not in facts and no_body)
    ]
    faults = ["years and older"] * young + ["exchanged.*"] * exchanged
    faults += [re.escape(f"{name} is outside") + ".*" for name in names]
    if faults:
        raise Refused("; .*".join(faults))
    numbers, codes, missing, imputed, without = [], [], [], {}, []
    for f in contract.continuous:
        value = known.get(f.name)
        missing.append(value is None)
        if value is None:
            value = f.median
            imputed[f.name] = value
            without += [f.name] if value is None else []
        elif f.top_code and value > f.top_code.above:
            value = f.top_code.value
        numbers.append(value)
    for f in contract.categorical:
        word = known.get(f.name)
        if word is None:
            without += [f.name] if f.missing_code is None else []
            codes.append(f.missing_code)
            imputed[f.name] = None if f.missing_code is None else f.categories[f.missing_code]
        else:
            codes.append(f.categories.index(word))
    if without:
        raise Refused("missing input" + "s" * (len(without) > 1) + ": " + ", ".join(without))
    arrays = np.array(numbers, np.float32), np.array(codes, np.int64), np.array(missing, np.float32)
    return (*with_missing_flags(*arrays, contract), imputed, tuple(dropped))


@examples(600)
@given(st.data())
def test_random_patients_are_encoded_as_the_rules_say(data):
    """Float32 of the same double: equal, but that a square may round differently (1 unit in the last place of BMI)."""
    published = contracts.published(contracts.unnamed_targets(1))
    contract, facts = data.draw(models(published)), data.draw(patients())
    policy = data.draw(st.sampled_from(["refuse", "impute"]))
    try:
        continuous, categorical, imputed, dropped = reference(facts, contract, policy)
    except Refused as refusal:
        with pytest.raises(PatientError, match=str(refusal)):
            encode(ecg2lab.Patient(**facts), contract, policy)
        return
    features = encode(ecg2lab.Patient(**facts), contract, policy)
    np.testing.assert_allclose(features.continuous, continuous, rtol=1.2e-7)
    np.testing.assert_array_equal(features.categorical, categorical)
    assert features.imputed == imputed
    assert features.out_of_range == tuple(dict.fromkeys(dropped))
    used = {"temperature_c": "temperature_f", "height_cm": "bmi", "weight_kg": "bmi"}
    wanted = contract.feature_names
    assert features.unused == tuple(f for f in FACTS if f in facts and f not in wanted and used.get(f) not in wanted)


def test_the_facts_are_those_of_the_python_patient_in_the_same_order():
    assert _core.fact_names() == FACTS


def test_numbers_and_categories_that_a_contract_may_ask_for_are_pythons():
    """An unknown feature is refused by both readers, so that each name and unit must be in both tables."""
    contract = contracts.published(contracts.unnamed_targets(1))
    decoded = _core.Contract.decode(contracts.encode(contract)).to_dict()
    assert [(f["name"], f["unit"]) for f in decoded["continuous"]] == list(contracts.NUMBERS.items())
    assert [f["name"] for f in decoded["categorical"]] == list(contracts.CATEGORIES)


def test_a_number_beyond_float32_becomes_the_largest_one():
    """A contract may allow it; a conversion that overflows would be undefined in C++."""
    contract = contracts.published(contracts.unnamed_targets(1))
    feature = contracts.ContinuousFeature(name="bmi", unit="kg/m²", minimum=-1e300, maximum=1e300, median=1e299)
    wide = contracts.Contract(
        name="wide", signal=contract.signal, preprocessing=contract.preprocessing, continuous=(feature,),
        categorical=(), targets=contract.targets,
    )  # fmt: skip
    for patient in (ecg2lab.Patient(bmi=1e290), ecg2lab.Patient()):
        assert encode(patient, wide).continuous[0] == np.finfo(np.float32).max
