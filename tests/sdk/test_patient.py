"""Patients: derivation, imputation, ranges, population, and what is refused."""

import msgspec
import numpy as np
import pytest

import ecg2lab
from ecg2lab.patient import in_words, read_patient
from ecg2lab.patient.features import encode

COMPLETE = {
    "age": 63, "sex": "female", "race": "white", "respiratory_per_min": 16, "spo2_percent": 97, "diastolic_mmhg": 70,
    "systolic_mmhg": 128, "heart_rate_bpm": 80, "temperature_f": 98.6, "height_cm": 170, "weight_kg": 70,
}  # fmt: skip


def encoded(contract, **facts):
    return encode(ecg2lab.Patient(**facts), contract)


def value(contract, features, name):
    return features.continuous[[f.name for f in contract.continuous].index(name)]


def test_features_come_in_the_contracts_order(contract):
    features = encoded(contract, **COMPLETE)
    by_name = dict(zip((f.name for f in contract.continuous), features.continuous, strict=True))
    assert by_name["systolic_mmhg"] == 128
    assert by_name["respiratory_per_min"] == 16
    assert features.categorical.tolist() == [0, 4]
    assert features.imputed == {}


def test_missing_facts_become_medians_and_are_named(contract):
    features = encoded(contract, age=50)
    medians = [f.median if f.name != "age" else 50 for f in contract.continuous]
    np.testing.assert_allclose(features.continuous, np.float32(medians))
    assert set(features.imputed) == set(contract.feature_names) - {"age"}


def test_celsius_and_fahrenheit_mean_the_same(contract):
    celsius, fahrenheit = encoded(contract, temperature_c=37.0), encoded(contract, temperature_f=98.6)
    np.testing.assert_allclose(celsius.continuous, fahrenheit.continuous, rtol=1e-6)


def test_bmi_follows_from_height_and_weight_and_a_given_one_stays(contract):
    assert value(contract, encoded(contract, height_cm=200, weight_kg=100), "bmi") == pytest.approx(25)
    assert value(contract, encoded(contract, height_cm=200, weight_kg=100, bmi=30), "bmi") == 30


@pytest.mark.parametrize(("age", "entered"), [(89, 89), (89.5, 91), (90, 91), (104, 91)])
def test_ages_above_89_are_entered_as_mimic_writes_them(contract, age, entered):
    assert value(contract, encoded(contract, age=age), "age") == entered


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"temperature_f": 37.2}, "temperature_c"),
        ({"temperature_c": 98.6}, "temperature_c is outside 50 to 150 °F"),
        ({"spo2_percent": 101}, "spo2_percent is outside 0 to 100 %"),
        ({"age": -1}, "age is outside"),
        ({"age": 121}, "age is outside"),
        ({"age": 17.9}, "18 years and older"),
        ({"height_cm": 1.75}, "height_cm is outside 60 to 400 cm"),
        ({"sex": "unknown"}, "sex must be one of female, male"),
        ({"race": "martian"}, "race must be one of"),
    ],
)
def test_implausible_facts_are_refused_without_repeating_them(contract, facts, message):
    with pytest.raises(ecg2lab.PatientError, match=message) as refusal:
        encoded(contract, **facts)
    stated = str(next(iter(facts.values())))
    assert f" {stated}" not in str(refusal.value).replace("0 to 100", "").replace("18 years", "")


def test_all_implausible_facts_are_named_at_once(contract):
    with pytest.raises(ecg2lab.PatientError, match=r"spo2_percent is outside .*; .*weight_kg is outside"):
        encoded(contract, spo2_percent=200, weight_kg=7000)


def test_a_bmi_that_nobody_gave_is_blamed_on_height_and_weight(contract):
    """And where one of these is impossible itself, only on that one."""
    with pytest.raises(ecg2lab.PatientError, match=r"^bmi is outside .* \(it follows from height_cm and weight_kg\)$"):
        encoded(contract, height_cm=100, weight_kg=300)
    with pytest.raises(ecg2lab.PatientError, match=r"^height_cm is outside 60 to 400 cm$"):
        encoded(contract, height_cm=1.75, weight_kg=70)


def test_a_child_with_implausible_facts_and_unknown_words_hears_of_all_at_once(contract):
    with pytest.raises(ecg2lab.PatientError) as refusal:
        encoded(contract, age=12, spo2_percent=200, sex="f", race="martian")
    beginnings = ["this model is for patients of 18", "spo2_percent is outside", "sex must be one", "race must be one"]
    named = str(refusal.value).split("; ")
    assert len(named) == len(beginnings)
    assert all(fault.startswith(beginning) for fault, beginning in zip(named, beginnings, strict=True))


def test_all_malformed_facts_are_named_at_once():
    with pytest.raises(ecg2lab.PatientError) as refusal:
        ecg2lab.Patient(age="63", weight_kg=float("nan"), temperature_c=37, temperature_f=98.6)
    assert str(refusal.value).split("; ") == [
        "age must be a finite number",
        "weight_kg must be a finite number",
        "temperature is given twice: leave out temperature_c or temperature_f",
    ]


def test_implausible_facts_count_as_not_given_where_the_caller_says_so(contract):
    """Nor does BMI follow from a height that is none."""
    facts = {"heart_rate_bpm": 72, "height_cm": 1700, "weight_kg": 70, "temperature_c": 0}
    features = encode(ecg2lab.Patient(**facts), contract, "impute")
    same = encode(ecg2lab.Patient(heart_rate_bpm=72, weight_kg=70), contract)
    assert set(features.out_of_range) == {"height_cm", "temperature_c"}
    assert features.continuous.tolist() == same.continuous.tolist()
    assert features.imputed == same.imputed
    with pytest.raises(ecg2lab.PatientError, match="18 years and older"):  # no measurement, but the wrong patient
        encode(ecg2lab.Patient(age=7), contract, "impute")


def test_what_is_out_of_range_is_named_once(contract):
    """BMI may be outside twice: as given, and as it then follows from height and weight."""
    facts = {"bmi": 300, "height_cm": 100, "weight_kg": 250}
    assert encode(ecg2lab.Patient(**facts), contract, "impute").out_of_range == ("bmi",)


def test_only_pressures_that_are_measurements_can_be_exchanged(contract):
    """9999 often stands for a pressure that was not measured."""
    for outside, kept in (("diastolic_mmhg", "systolic_mmhg"), ("systolic_mmhg", "diastolic_mmhg")):
        number = 9999 if outside == "diastolic_mmhg" else -1
        features = encode(ecg2lab.Patient(**{outside: number, kept: 80}), contract, "impute")
        assert features.out_of_range == (outside,)
        assert kept not in features.imputed
    for policy in ("refuse", "impute"):
        with pytest.raises(ecg2lab.PatientError, match="exchanged"):
            encode(ecg2lab.Patient(diastolic_mmhg=130, systolic_mmhg=80), contract, policy)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"age": float("nan")}, "age must be a finite number"),
        ({"age": "63"}, "age must be a finite number"),
        ({"age": True}, "age must be a finite number"),
        ({"sex": 1}, "sex must be a word"),
        ({"temperature_c": 37, "temperature_f": 98.6}, "twice"),
        ({"age": 10**400}, "age must be a finite number"),
    ],
)
def test_malformed_facts_are_refused(facts, message):
    with pytest.raises(ecg2lab.PatientError, match=message):
        ecg2lab.Patient(**facts)


def test_a_contract_without_medians_names_every_missing_input(contract):
    bare = msgspec.structs.replace(
        contract,
        continuous=tuple(msgspec.structs.replace(f, median=None) for f in contract.continuous),
        categorical=tuple(msgspec.structs.replace(f, missing_code=None) for f in contract.categorical),
    )
    with pytest.raises(ecg2lab.PatientError) as refusal:
        encoded(bare, age=63, sex="female")
    named = str(refusal.value)
    assert all(name in named for name in bare.feature_names if name not in ("age", "sex"))
    assert "age," not in named
    assert encoded(bare, **COMPLETE).imputed == {}


def test_a_patient_file_has_the_same_fields(tmp_path):
    path = tmp_path / "patient.json"
    path.write_bytes(msgspec.json.encode(COMPLETE))
    assert read_patient(path) == ecg2lab.Patient(**COMPLETE)


def test_numbers_of_every_kind_become_plain_ones():
    assert (
        msgspec.json.encode(ecg2lab.Patient(age=np.int64(63), bmi=np.float32(22.5)).given())
        == b'{"age":63.0,"bmi":22.5}'
    )


def test_neither_repr_nor_error_holds_what_was_said_of_the_patient(tmp_path):
    assert "63" not in repr(ecg2lab.Patient(age=63, sex="male"))
    path = tmp_path / "p.json"
    for text in (
        '{"sex": "Jane Doe"}',
        '{"Jane Doe": 1}',
        '{"age": "Jane Doe"}',
        '{"age": 1, "Jane Doe": 2, "Jane Doe": 3}',
    ):
        path.write_text(text)
        with pytest.raises(ecg2lab.PatientError) as refusal:
            read_patient(path)
        assert "Jane" not in str(refusal.value)


def test_facts_that_a_model_does_not_want_are_said_to_be_unused(contract):
    narrow = msgspec.structs.replace(contract, continuous=tuple(f for f in contract.continuous if f.name == "age"))
    features = encoded(narrow, age=50, temperature_c=37, height_cm=170, sex="male")
    assert features.unused == ("temperature_c", "height_cm")
    assert encoded(contract, temperature_c=37, height_cm=170).unused == ()


@pytest.mark.parametrize("text", ['{"agee": 3}', '{"age": 40, "age": 80}', '{"age": "old"}', "[]", "{", '{"sex": "f"}'])
def test_a_malformed_patient_file_is_refused(tmp_path, text):
    path = tmp_path / "patient.json"
    path.write_text(text)
    with pytest.raises(ecg2lab.PatientError, match="not valid"):
        read_patient(path)


def test_a_missing_patient_file_is_named(tmp_path):
    with pytest.raises(ecg2lab.PatientError, match="nowhere.json"):
        read_patient(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("height_cm", 168.808, "height 168.8 cm"),
        ("weight_kg", 77.9997, "weight 78 kg"),
        ("temperature_f", 98.4, "temperature 98.4 °F"),
        ("respiratory_per_min", 18, "respiratory rate 18/min"),
        ("spo2_percent", 97.0, "oxygen saturation 97%"),
        ("bmi", 27.049, "BMI 27 kg/m²"),
        ("sex", "female", "sex female"),
        ("of_another_model", 3.14159, "of_another_model 3.142"),
        ("systolic_mmhg", None, "systolic pressure"),
    ],
)
def test_a_fact_is_said_as_a_clinician_writes_it(name, value, said):
    assert in_words(name, value) == said


def test_every_fact_has_a_name_for_people():
    assert not [name for name in ecg2lab.Patient.__struct_fields__ if "_" in in_words(name)]
