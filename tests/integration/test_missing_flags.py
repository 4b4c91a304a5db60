"""Networks that are told which numbers were missing, in both layouts that the authors' code can build."""

import json

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

import ecg2lab
from ecg2lab import contract as contracts
from ecg2lab.cli import app
from ecg2lab.patient.features import encode
from ecg2lab_export import export
from ecg2lab_export.network import cardiolab

TABLES = ((2, 4), (5, 4))
LAYOUTS = {
    "continuous": {"tables": TABLES, "numbers": 20},
    "categorical": {"tables": TABLES + ((2, 2),) * 10, "numbers": 10},
}
SOME = ecg2lab.Patient(age=63, sex="female", heart_rate_bpm=80, height_cm=170, weight_kg=70)
GIVEN = ("age", "heart_rate_bpm", "height_cm", "bmi", "weight_kg")


@pytest.fixture(scope="module", params=LAYOUTS)
def layout(request):
    return request.param


@pytest.fixture(scope="module")
def network(random_network, layout):
    return random_network(5, hidden=4, state=4, layers=1, targets=10, widths=(4, 4), **LAYOUTS[layout])


@pytest.fixture(scope="module")
def checkpoint(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("flags") / "x.safetensors"
    cardiolab.write(network, path)
    return path


@pytest.fixture(scope="module")
def flagged(contract, layout):
    """The contract of the parity checkpoints, with medians and thresholds, and flags."""
    return msgspec.structs.replace(contract, missing_flags=layout)


@pytest.fixture(scope="module")
def engine(checkpoint, flagged):
    out = checkpoint.with_name("x.ecg2lab")
    export(checkpoint, out, contract=flagged, synthetic_weights=True)
    with ecg2lab.load(out, backend="onnxruntime", threads=1) as loaded:
        yield loaded


def flags_of(contract):
    return np.array([f.name not in GIVEN for f in contract.continuous], dtype=np.float64)


def test_a_flag_is_set_where_a_median_stands_in_and_nowhere_else(flagged, layout):
    """BMI follows from height and weight: it is not missing."""
    features = encode(SOME, flagged)
    flags = features.continuous[10:] if layout == "continuous" else features.categorical[2:]
    np.testing.assert_array_equal(flags, flags_of(flagged))
    assert set(features.imputed) == {f.name for f in flagged.continuous if f.name not in GIVEN} | {"race"}
    assert (features.continuous.dtype, features.categorical.dtype) == (np.float32, np.int64)


def test_the_other_columns_are_those_without_flags(flagged, contract):
    plain, features = encode(SOME, contract), encode(SOME, flagged)
    np.testing.assert_array_equal(features.continuous[:10], plain.continuous)
    np.testing.assert_array_equal(features.categorical[:2], plain.categorical)
    assert features.imputed == plain.imputed


def test_the_contract_names_every_column(flagged, layout):
    numbers, categories = flagged.static_inputs
    names = [f.name for f in flagged.continuous]
    flags = [f"{name}_missing" for name in names]
    assert numbers == tuple(names + flags if layout == "continuous" else names)
    expected = {"sex": 2, "race": 5} | (dict.fromkeys(flags, 2) if layout == "categorical" else {})
    assert categories == expected
    assert list(categories) == list(expected)


def test_a_contract_with_flags_survives_the_round_trip_and_an_old_one_has_none(flagged):
    assert contracts.decode(contracts.encode(flagged)) == flagged
    document = json.loads(contracts.encode(flagged))
    del document["missing_flags"]
    assert contracts.decode(json.dumps(document)).missing_flags == "none"
    for other in ("both", None, True, 10):
        with pytest.raises(ecg2lab.ContractError, match="missing_flags"):
            contracts.decode(json.dumps(document | {"missing_flags": other}))


def test_predict_gives_the_network_its_flags(engine, network, flagged, layout, recording):
    """Against the reference network with flags set by hand; float32 against float64."""
    prediction = engine.predict(recording, SOME)
    signal = ecg2lab.preprocess(recording.samples, fs=recording.fs, leads=recording.leads, unit="mV")
    windows = np.stack([signal[:, i : i + 250] for i in range(0, 1000, 250)])
    given = {"age": 63, "heart_rate_bpm": 80, "height_cm": 170, "weight_kg": 70, "bmi": 70 / 1.7**2}
    numbers = np.array([given.get(f.name, f.median) for f in flagged.continuous])
    codes = np.array([0, flagged.categorical[1].missing_code])

    def probabilities(flags):
        rows = (np.r_[numbers, flags], codes) if layout == "continuous" else (numbers, np.r_[codes, flags].astype(int))
        logits = network.logits(windows, *(np.tile(row, (4, 1)) for row in rows))
        return (1 / (1 + np.exp(-logits))).mean(axis=0)

    found = np.array([finding.probability for finding in prediction.findings])
    np.testing.assert_allclose(found, probabilities(flags_of(flagged)), atol=1e-5)
    assert np.abs(found - probabilities(np.zeros(10))).max() > 1e-4  # the flags matter to this network


def test_inspect_says_that_there_are_flags(engine, checkpoint):
    shown = CliRunner().invoke(app, ["inspect", str(checkpoint.with_name("x.ecg2lab"))])
    assert shown.exit_code == 0
    assert "missing flags" in shown.stdout


def test_a_code_that_a_flag_cannot_have_is_refused_by_its_name(engine, layout):
    if layout == "continuous":
        arrays = np.zeros((1, 10)), np.zeros((1, 2), int)
        message = r"continuous must have shape \(B, 20\)"
    else:
        arrays = np.zeros((1, 10)), np.zeros((1, 12), int)
        arrays[1][0, 4] = 2
        message = "age_missing has a code outside 0 to 1"
    with pytest.raises(ecg2lab.BackendError, match=message):
        engine.run(np.zeros((1, 12, 250)), *arrays)


def test_without_a_contract_all_twelve_inputs_are_wanted_and_no_flag_is_ever_set(checkpoint, layout, recording):
    out = checkpoint.with_name("bare.ecg2lab")
    export(checkpoint, out)
    with ecg2lab.load(out, backend="onnxruntime", threads=1) as bare:
        assert bare.contract.missing_flags == layout
        with pytest.raises(ecg2lab.PatientError, match="missing inputs: resp"):
            bare.predict(recording, SOME)
        complete = ecg2lab.Patient(
            age=63, sex="female", race="white", respiratory_per_min=16, spo2_percent=97, diastolic_mmhg=70,
            systolic_mmhg=128, heart_rate_bpm=80, temperature_c=37, height_cm=170, weight_kg=70,
        )  # fmt: skip
        features = encode(complete, bare.contract)
        assert features.continuous[10:].tolist() + features.categorical[2:].tolist() == [0] * 10
        prediction = bare.predict(recording, complete)
    assert {finding.detected for finding in prediction.findings} == {None}
    assert prediction.patient.imputed == {}
