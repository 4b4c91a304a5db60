"""The contract: strict decoding, and agreement of the decoder with the JSON schema that every reader is held to."""

import copy
import json

import msgspec
import pytest

from ecg2lab import contract as contracts
from ecg2lab.errors import ContractError

REMOVE = object()


@pytest.fixture(scope="module")
def validator():
    """Of JSON Schema 2020-12, from a package of its own."""
    jsonschema = pytest.importorskip("jsonschema", reason="the JSON schema needs jsonschema, of the extra 'dev'")
    jsonschema.Draft202012Validator.check_schema(contracts.json_schema())
    return jsonschema.Draft202012Validator(contracts.json_schema())


def plain(contract):
    return json.loads(contracts.encode(contract))


def changed(document, path, value):
    """A copy with the field at `path` replaced, or removed."""
    document = copy.deepcopy(document)
    *way, last = path
    node = document
    for step in way:
        node = node[step]
    if value is REMOVE:
        del node[last]
    else:
        node[last] = value
    return document


def decodes(text):
    try:
        contracts.decode(text)
    except ContractError:
        return False
    return True


def test_every_contract_that_we_make_satisfies_the_schema_and_survives_the_round_trip(contract, validator):
    bare = contracts.published(contracts.unnamed_targets(204))
    single = contracts.published(
        [contracts.Target(name="x", calibration=contracts.Calibration(slope=0.5, intercept=-2))]
    )
    for made in (contract, bare, single):
        validator.validate(plain(made))
        assert contracts.decode(contracts.encode(made)) == made
        assert contracts.decode(contracts.encode(made).decode()) == made


def test_writing_what_was_read_gives_the_same_bytes(contract):
    """The manifest is digested as written: one contract, one digest, whether it came from Python or from a file."""
    for made in (contract, contracts.published(contracts.unnamed_targets(2))):
        assert contracts.encode(contracts.decode(contracts.encode(made))) == contracts.encode(made)


def test_the_packaged_schema_file_is_the_schema():
    assert json.loads(contracts.SCHEMA_FILE.read_text()) == contracts.json_schema()


@pytest.mark.parametrize("file", ["contract.schema.json", "prediction.schema.json"])
def test_a_schema_does_not_tell_which_versions_wrote_it(file: str) -> None:
    """Python before 3.13 keeps the indentation of docstrings, and so does msgspec before 0.23."""
    text = (contracts.SCHEMA_FILE.parent / file).read_text()
    assert "\\n\\n" in text  # a description of more than one line
    assert "\\n " not in text


def test_fields_with_a_default_may_be_left_out(contract, validator):
    document = plain(contract)
    for path in [
        ("schema_version",),
        ("population",),
        ("missing_flags",),
        ("population", "minimum_age"),
        ("signal", "unit"),
        ("preprocessing", "clip_mv"),
        ("preprocessing", "band_pass"),
        ("preprocessing", "notch"),
        ("continuous", 0, "median"),
        ("categorical", 0, "missing_code"),
        ("targets", 0, "criterion"),
        ("targets", 0, "criterion", "category"),
        ("targets", 0, "decision_threshold"),
        ("targets", 0, "decision"),
        ("targets", 0, "value"),
    ]:
        shorter = changed(document, path, REMOVE)
        validator.validate(shorter)
        assert decodes(json.dumps(shorter)), path


SHARE = {"value": 0.5, "low": 0.25, "high": 0.75}
POINT = {"windows": 4, "facts": "all", "most_missing": 2, "threshold": 0.25, "patients": 90, "positives": 30,
         "negatives": 70, "prevalence": 0.3, "sensitivity": SHARE, "specificity": SHARE, "ppv": SHARE}  # fmt: skip
CONFORMAL = {"error": 0.1, "positive_from": 0.125, "negative_to": 0.25}
UNMEASURED = {"windows": 1, "facts": "all", "most_missing": 2, "reason": "too few", "patients": 9, "positives": 3,
              "negatives": 7}  # fmt: skip


def decision(*points, **changes):
    """Of a target that has no other threshold."""
    return {"rule": "youden", "chosen_on": "fold 18", "measured_on": "fold 19", "points": list(points)} | changes


def pointed(**changes):
    """A decision of one point, changed; what becomes REMOVE is not there."""
    return decision({name: value for name, value in (POINT | changes).items() if value is not REMOVE})


DECISIONS = [
    decision(POINT),
    decision(UNMEASURED),
    decision(POINT, UNMEASURED, POINT | {"facts": "age and sex"}, POINT | {"windows": 2}),
    decision(UNMEASURED | POINT | {"threshold": None}),
    pointed(ppv=None, npv=SHARE),
    pointed(ppv=REMOVE, npv={"value": 1, "low": 1, "high": 1}, prevalence=0, positives=0),
    pointed(most_missing=0, windows=1_000_000),
    pointed(conformal=None),
    pointed(conformal=CONFORMAL),
    pointed(conformal=CONFORMAL | {"positive_from": 0, "negative_to": 1, "unsure": SHARE, "coverage_positive": None}),
]
"""What a target may be decided by."""


def without_removed(value):
    return {k: x for k, x in value.items() if x is not REMOVE} if isinstance(value, dict) else value


LIMIT = {"windows": 4, "facts": "all", "most_missing": 2, "distance": 28.5, "patients": 90}
AGES = {"name": "age", "minimum": 18, "maximum": 91}


def experience(*limits, **changes):
    """How far a model knows, changed; what becomes REMOVE is not there."""
    whole = {"features": 640, "quantile": 0.99, "trained_on": "x", "chosen_on": "y", "ranges": [AGES],
             "limits": list(limits or [LIMIT])}  # fmt: skip
    return without_removed(whole | changes)


EXPERIENCES = [
    None,
    experience(),
    experience(ranges=REMOVE),
    experience(ranges=[]),
    experience(ranges=[AGES | {"minimum": 91}]),
    experience(LIMIT, LIMIT | {"facts": "age and sex"}, LIMIT | {"windows": 1}, features=1, quantile=0.5),
]
NO_EXPERIENCES = [
    {},
    experience(limits=[]),
    experience(limits=REMOVE),
    experience(features=0),
    experience(features=1.5),
    experience(quantile=1),
    experience(quantile=0),
    experience(trained_on=""),
    experience(chosen_on=REMOVE),
    experience(unheard_of=1),
    experience(ranges=[{"name": "age", "minimum": 18}]),
    experience(ranges=None),
    experience(LIMIT | {"distance": 0}),
    experience(LIMIT | {"windows": 0}),
    experience(LIMIT | {"facts": "age"}),
    experience(LIMIT | {"unheard_of": 1}),
]
"""Malformed so that the schema can say so."""

NO_DECISIONS = [
    [],
    "youden",
    decision(),
    decision(POINT, rule=""),
    decision(POINT, rule=REMOVE),
    decision(POINT, chosen_on=None),
    decision(POINT, measured_on="x" * 121),
    decision(POINT, unheard_of=1),
    pointed(unheard_of=1),
    pointed(windows=0),
    pointed(windows=1.5),
    pointed(windows=1_000_001),
    pointed(windows=REMOVE),
    pointed(facts="age"),
    pointed(facts="All"),
    pointed(facts=None),
    pointed(facts=0),
    pointed(facts=REMOVE),
    pointed(most_missing=-1),
    pointed(most_missing=REMOVE),
    pointed(patients=REMOVE),
    pointed(positives=-1),
    pointed(negatives=10**9 + 1),
    pointed(threshold=0),
    pointed(threshold=1),
    pointed(threshold="0.5"),
    pointed(prevalence=1.01),
    pointed(prevalence=-0.01),
    pointed(sensitivity=0.5),
    pointed(sensitivity=SHARE | {"value": 1.5}),
    pointed(sensitivity=SHARE | {"low": -0.1}),
    pointed(specificity=SHARE | {"high": 1.1}),
    pointed(ppv={"value": 0.5}),
    pointed(npv=SHARE | {"unheard_of": 1}),
    pointed(threshold=None, reason=""),
    pointed(threshold=None, reason="x" * 401),
    pointed(conformal={}),
    pointed(conformal=CONFORMAL | {"error": 0}),
    pointed(conformal=CONFORMAL | {"error": 1}),
    pointed(conformal=CONFORMAL | {"positive_from": 1.5}),
    pointed(conformal=CONFORMAL | {"negative_to": None}),
    pointed(conformal=CONFORMAL | {"unsure": 0.1}),
    pointed(conformal=CONFORMAL | {"unheard_of": 1}),
]
"""Malformed so that the schema can say so."""

BY_SCHEMA = [
    (("unheard_of",), 1),
    (("signal", "unheard_of"), 1),
    (("targets", 3, "unheard_of"), None),
    (("targets", 3, "criterion", "unheard_of"), None),
    (("name",), REMOVE),
    (("signal",), REMOVE),
    (("preprocessing",), REMOVE),
    (("targets",), REMOVE),
    (("continuous",), REMOVE),
    (("signal", "leads"), REMOVE),
    (("continuous", 0, "unit"), REMOVE),
    (("categorical", 0, "categories"), REMOVE),
    (("targets", 0, "criterion", "loinc"), REMOVE),
    (("targets", 0, "criterion", "horizon_min"), REMOVE),
    (("name",), 3),
    (("name",), ""),
    (("name",), "x" * 121),
    (("name",), None),
    (("missing_flags",), "both"),
    (("missing_flags",), None),
    (("missing_flags",), True),
    (("missing_flags",), 10),
    (("schema_version",), 2),
    (("schema_version",), 0),
    (("schema_version",), "1"),
    (("signal",), []),
    (("signal", "leads"), []),
    (("signal", "leads"), "I"),
    (("signal", "leads", 0), ""),
    (("signal", "leads", 0), 1),
    (("signal", "unit"), "uV"),
    (("signal", "sampling_rate_hz"), 0),
    (("signal", "sampling_rate_hz"), -100),
    (("signal", "sampling_rate_hz"), "100"),
    (("signal", "window_samples"), 1),
    (("signal", "window_samples"), 250.5),
    (("signal", "window_samples"), True),
    (("preprocessing", "clip_mv"), 0),
    (("preprocessing", "clip_mv"), -3),
    (("preprocessing", "resampler"), "linear"),
    (("preprocessing", "band_pass"), True),
    (("preprocessing", "band_pass"), {"low_hz": 0.5}),
    (("preprocessing", "band_pass"), {"low_hz": 0, "high_hz": 40}),
    (("preprocessing", "band_pass"), {"low_hz": 0.5, "high_hz": 1001}),
    (("preprocessing", "band_pass"), {"low_hz": 0.5, "high_hz": 40, "order": 0}),
    (("preprocessing", "band_pass"), {"low_hz": 0.5, "high_hz": 40, "order": 11}),
    (("preprocessing", "band_pass"), {"low_hz": 0.5, "high_hz": 40, "order": 2.5}),
    (("preprocessing", "notch"), 50),
    (("preprocessing", "notch"), {"frequency_hz": 55}),
    (("preprocessing", "notch"), {"frequency_hz": 50, "quality": 0}),
    (("preprocessing", "missing_samples"), None),
    (("continuous", 2, "median"), "65"),
    (("continuous", 2, "top_code"), {"above": 89}),
    (("continuous", 2, "minimum"), None),
    (("categorical", 0, "categories"), ["one"]),
    (("categorical", 0, "missing_code"), -1),
    (("categorical", 0, "missing_code"), 0.5),
    (("targets",), []),
    (("targets", 0), "potassium"),
    (("targets", 0, "name"), ""),
    (("targets", 0, "decision_threshold"), 1.5),
    (("targets", 0, "decision_threshold"), 1),
    (("targets", 0, "decision_threshold"), 0),
    (("targets", 0, "decision_threshold"), -0.1),
    (("targets", 0, "decision_threshold"), True),
    (("targets", 0, "calibration"), {"slope": 0, "intercept": 0}),
    (("targets", 0, "calibration"), {"slope": 1}),
    (("targets", 0, "criterion", "loinc"), "2823"),
    (("targets", 0, "criterion", "loinc"), "2823-33"),
    (("targets", 0, "criterion", "loinc"), "x2823-3"),
    (("targets", 0, "criterion", "loinc"), "2823-3 "),
    (("targets", 0, "criterion", "loinc"), "2823-3\n"),
    (("targets", 0, "criterion", "loinc"), "12345678-1"),
    (("targets", 0, "criterion", "comparison"), "!="),
    (("targets", 0, "criterion", "setting"), "now"),
    (("targets", 0, "criterion", "horizon_min"), 0),
    (("targets", 0, "criterion", "threshold"), None),
    (("population", "minimum_age"), -1),
    (("quality",), None),
    (("quality",), {"pulse": {"warn": 1}}),
    (("quality",), {"gap": {"refuse": 1}}),
    (("quality",), {"noise": None}),
    (("quality",), {"noise": 0.1}),
    (("quality",), {"noise": {"warn": "low"}}),
    (("quality",), {"noise": {"warn": 0.1, "stop": 1}}),
    *((("targets", 0, "decision"), without_removed(value)) for value in NO_DECISIONS),
    *((("experience",), value) for value in NO_EXPERIENCES),
    (("targets", 0, "value"), {"unit": "mEq/L", "mean": 4, "standard_deviation": 0, "interval": 0.9}),
]
"""Malformed so that the schema can say so."""

CONTRADICTORY_EXPERIENCES = [
    (experience(LIMIT, LIMIT), "two limits of experience with windows 4 and facts 'all'"),
    (experience(ranges=[AGES, AGES]), "range 'age' appears twice"),
    (experience(ranges=[AGES | {"name": "pulse"}]), "a range of 'pulse', which the model does not take"),
    (experience(ranges=[AGES | {"name": "sex"}]), "a range of 'sex', which the model does not take"),
    (experience(ranges=[AGES | {"minimum": 92}]), "the range of age ends before it begins"),
]
VALUE = {"unit": "mEq/L", "mean": 4, "standard_deviation": 0.5, "interval": 0.9}
CONTRADICTIONS = [
    (pointed(threshold=None), r"a threshold, or the reason why there is none - at `\$\.targets\[0\]\.decision\.points"),
    (pointed(reason="too few"), "a threshold, or the reason why there is none"),
    (decision(POINT, UNMEASURED | {"reason": None}), r"the reason why there is none - at `.*points\[1\]`"),
    (pointed(threshold=None, reason="too few", conformal=CONFORMAL), "without a threshold has no conformal set"),
    (pointed(conformal=CONFORMAL | {"unsure": SHARE | {"low": 0.8}}), r"low is above high - at `.*conformal\.unsure`"),
    (pointed(sensitivity=None), "states prevalence, sensitivity and specificity"),
    (pointed(specificity=REMOVE), "states prevalence, sensitivity and specificity"),
    (pointed(prevalence=None), "states prevalence, sensitivity and specificity"),
    (pointed(ppv=SHARE | {"low": 0.8}), r"low is above high - at `.*points\[0\]\.ppv`"),
    (pointed(sensitivity=SHARE | {"high": 0}), r"low is above high - at `.*\.sensitivity`"),
    (decision(POINT, POINT), "two operating points with windows 4 and facts 'all'"),
    (decision(POINT, UNMEASURED | {"facts": "age and sex"}, UNMEASURED | {"facts": "age and sex", "reason": "x"}),
     "two operating points with windows 1 and facts 'age and sex'"),
]  # fmt: skip
"""A decision, and what is wrong with it."""

BY_MEANING = [
    (("signal", "leads", 1), "I", "lead 'I' appears twice"),
    (("continuous", 8), {"name": "age", "unit": "y", "minimum": 0, "maximum": 9}, "'age' appears twice"),
    (("continuous", 1, "name"), "pulse", "unknown feature 'pulse'"),
    (("continuous", 1, "unit"), "1/min", "'spo2_percent' is in '%'"),
    (("categorical", 0, "name"), "race", "'race' appears twice"),
    (("categorical", 0, "name"), "age", "unknown feature 'age'"),
    (("categorical", 1, "categories", 1), "asian", "category 'asian' appears twice"),
    (("targets", 1, "name"), "potassium_high_now", "target 'potassium_high_now' appears twice"),
    (("continuous", 2, "median"), 121.0, "'age'.*outside its own range"),
    (("continuous", 2, "median"), -1, "'age'.*outside its own range"),
    (("continuous", 2, "minimum"), 120, "minimum is not below maximum"),
    (("continuous", 2, "maximum"), -5, "minimum is not below maximum"),
    (("categorical", 0, "missing_code"), 2, "missing_code 2 is not one of its categories"),
    (("quality",), {"noise": {"warn": 0.5, "refuse": 0.1}}, "quality: noise refuses before it warns"),
    (("quality",), {"bsqi": {"warn": 0.5, "refuse": 0.6}}, "quality: bsqi refuses before it warns"),
    *((("targets", 0, "decision"), value, message) for value, message in CONTRADICTIONS),
    *((("experience",), value, message) for value, message in CONTRADICTORY_EXPERIENCES),
    (("targets", 0, "value"), VALUE, "target 'potassium_high_now' is a value in mEq/L.* made for a newer one"),
    (("targets", 0), {"name": "x", "value": VALUE, "decision": decision(POINT)}, "target 'x' is a value in mEq/L"),
]
"""Well formed, and wrong in what it says: relations between fields, which a schema cannot express."""


@pytest.mark.parametrize("value", EXPERIENCES, ids=range(len(EXPERIENCES)))
def test_experience_is_read_as_it_is_written(contract, validator, value):
    document = changed(plain(contract), ("experience",), value)
    validator.validate(document)
    decoded = contracts.decode(json.dumps(document))
    assert contracts.decode(contracts.encode(decoded)) == decoded
    assert (decoded.experience is None) == (value is None)


@pytest.mark.parametrize("value", DECISIONS, ids=range(len(DECISIONS)))
def test_decisions_are_read_as_they_are_written(contract, validator, value):
    document = changed(plain(contract), ("targets", 0, "decision"), value)
    document["targets"][0]["decision_threshold"] = None
    validator.validate(document)
    decoded = contracts.decode(json.dumps(document))
    assert contracts.decode(contracts.encode(decoded)) == decoded
    assert len(decoded.targets[0].decision.points) == len(value["points"])


def test_a_threshold_beside_a_decision_is_one_of_its_own(contract, validator):
    """An ecg2lab of 0.1.0 never sees it: unknown fields are errors there."""
    document = changed(plain(contract), ("targets", 0, "decision"), decision(POINT, UNMEASURED))
    for threshold, accepted in ((0.25, True), (None, True), (0.5, False)):
        document["targets"][0]["decision_threshold"] = threshold
        validator.validate(document)
        if accepted:
            contracts.decode(json.dumps(document))
        else:
            with pytest.raises(ContractError, match=r"decision_threshold 0\.5 is that of none of its operating points"):
                contracts.decode(json.dumps(document))


def shown(case):
    return f"{'.'.join(map(str, case[0]))}={'removed' if case[1] is REMOVE else repr(case[1])[:30]}"


@pytest.mark.parametrize("case", BY_SCHEMA, ids=shown)
def test_decoder_and_schema_refuse_alike(contract, validator, case):
    document = changed(plain(contract), *case)
    with pytest.raises(ContractError, match="not a valid contract"):
        contracts.decode(json.dumps(document))
    assert not validator.is_valid(document)


@pytest.mark.parametrize("case", BY_MEANING, ids=shown)
def test_the_decoder_refuses_what_contradicts_itself(contract, validator, case):
    path, value, message = case
    document = changed(plain(contract), path, value)
    assert validator.is_valid(document)
    with pytest.raises(ContractError, match=message):
        contracts.decode(json.dumps(document))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"clip_mv": 3.0', '"clip_mv": NaN'),
        ('"clip_mv": 3.0', '"clip_mv": Infinity'),
        ('"clip_mv": 3.0', '"clip_mv": 1e999'),
        ('"median": 65.0', '"median": NaN'),
        ('"median": 65.0', '"median": -1e999'),
        ('"clip_mv": 3.0', '"clip_mv": 3.0, "clip_mv": 5.0'),
        ('"clip_mv": 3.0', '"clip_mv": 3.0,'),
        ('"window_samples": 250', '"window_samples": 250, "window_samples": 250'),
        ('"name": "potassium_high_now"', '"name": "potassium_high_now", "name": "other"'),
        ('"unit": "mV"', '"unit": "mV", "\\u0075nit": "mV"'),
    ],
)
def test_what_is_no_json_or_repeats_a_key_is_refused(contract, old, new):
    """Readers disagree on repeated keys: one would take the first, another the last."""
    text = contracts.encode(contract).decode()
    assert old in text
    with pytest.raises(ContractError):
        contracts.decode(text.replace(old, new, 1))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"3", b"\xff\xff", b"[" * 100000, b'{"name":' * 100000, "\ud800", b"{}{}"],
    ids=lambda x: repr(x[:9]),
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ContractError):
        contracts.decode(text)


def test_a_byte_order_mark_or_trailing_text_is_refused(contract):
    text = contracts.encode(contract)
    for other in (b"\xef\xbb\xbf" + text, text + b"x", text + text):
        with pytest.raises(ContractError):
            contracts.decode(other)


def made_of(feature):
    return msgspec.structs.replace(contracts.published(contracts.unnamed_targets(1)), continuous=(feature,))


def test_a_contract_made_in_python_is_held_to_relations_too(contract):
    with pytest.raises(ContractError, match="twice"):
        contracts.published([*contract.targets, contract.targets[0]])
    with pytest.raises(ContractError, match="outside its own range"):
        made_of(contracts.ContinuousFeature(name="age", unit="y", minimum=0, maximum=1, median=2))
    with pytest.raises(ContractError, match="a number is not finite"):
        made_of(contracts.ContinuousFeature(name="age", unit="y", minimum=0, maximum=1, median=float("nan")))
    with pytest.raises(ContractError, match=r"expected a number < 1 - at `\$\.targets\[0\]\.decision_threshold`"):
        contracts.published([contracts.Target(name="x", decision_threshold=1.5)])


def test_a_contract_file_is_read_and_refused_by_name(data_folder, tmp_path):
    assert contracts.read(data_folder / "parity" / "contract.json").name == "parity test model (random weights)"
    with pytest.raises(ContractError, match=r"absent\.json"):
        contracts.read(tmp_path / "absent.json")
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ContractError, match=r"x\.json is not a valid contract"):
        contracts.read(tmp_path / "x.json")


def test_an_unknown_target_is_answered_with_the_nearest_names(contract):
    assert contract.target_index("sodium_low_60min") == 8
    with pytest.raises(ContractError, match="unknown target 'sodium_low'; did you mean sodium_low_60min"):
        contract.target_index("sodium_low")


def test_loinc_codes_of_the_test_contract_are_real(contract):
    """Each stands in the table of LOINC codes that the training package ships."""
    import csv
    import gzip

    from ecg2lab_training.data import labs

    table = labs.__file__.replace("labs.py", labs.TABLE)
    with gzip.open(table, "rt", newline="", encoding="utf-8") as file:
        known = {row["omop_concept_code"] for row in csv.DictReader(file)}
    assert {target.criterion.loinc for target in contract.targets} <= known
