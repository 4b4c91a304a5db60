"""The reader of contracts: what it accepts Python shows with the same fields, and what it refuses nobody reads."""

import copy
import json

import jsonschema
import msgspec
import pytest
from drawn_models import rules
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab import contract as contracts
from ecg2lab import quality
from ecg2lab._native import _core
from ecg2lab.contract import table as contract_table
from ecg2lab.errors import ContractError
from ecg2lab.recording.leads import STANDARD

numbers = st.floats(-1e6, 1e6)
printable = st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]).filter(
    lambda character: not "\U000e0000" <= character <= "\U000e0fff"  # tags and variation selectors: nothing to be seen
)
names = st.text(printable, min_size=1, max_size=120)
positive = st.floats(1e-3, 1e6)


def optional(strategy):
    return st.one_of(st.none(), strategy)


@st.composite
def continuous_features(draw, name):
    low, middle, high = sorted(draw(st.lists(numbers, min_size=3, max_size=3, unique=True)))
    code = contracts.TopCode(above=draw(numbers), value=draw(numbers)) if draw(st.booleans()) else None
    median = middle if draw(st.booleans()) else None
    return contracts.ContinuousFeature(
        name=name, unit=contracts.NUMBERS[name], minimum=low, maximum=high, median=median, top_code=code
    )


@st.composite
def categorical_features(draw, name):
    words = tuple(draw(st.lists(names, min_size=2, max_size=5, unique=True)))
    return contracts.CategoricalFeature(
        name=name, categories=words, missing_code=draw(optional(st.integers(0, len(words) - 1)))
    )


@st.composite
def band_passes(draw):
    low, high = sorted(draw(st.lists(st.floats(0.01, 1000), min_size=2, max_size=2, unique=True)))
    return contracts.BandPass(low_hz=low, high_hz=high, order=draw(st.integers(1, 10)))


notches = st.builds(contracts.Notch, frequency_hz=st.sampled_from([50, 60]), quality=st.floats(1, 1000))
preprocessings = st.builds(
    contracts.Preprocessing, clip_mv=positive, band_pass=optional(band_passes()), notch=optional(notches)
)
criteria = st.builds(
    contracts.Criterion,
    lab=names,
    loinc=optional(st.from_regex(r"[0-9]{1,7}-[0-9]", fullmatch=True)),
    unit=st.text(printable, max_size=10),
    comparison=st.sampled_from(["<", "<=", ">", ">="]),
    threshold=numbers,
    setting=st.sampled_from(["prediction", "forecasting"]),
    horizon_min=st.integers(1, 1_000_000),
    category=names,
)


@st.composite
def quality_limits(draw):
    """Every fault may be limited below or above, in an order that its reader takes."""
    limits = {}
    for name in draw(st.sets(st.sampled_from(contracts.QualityLimits.__struct_fields__))):
        warn, refuse = sorted((draw(numbers), draw(numbers)), reverse=name in BELOW)
        limits[name] = contracts.Limit(warn=draw(optional(st.just(warn))), refuse=draw(optional(st.just(refuse))))
    return contracts.QualityLimits(**limits)


BELOW = {"too_small", "bsqi", "ksqi", "ssqi", "psqi", "bassqi", "duplicate", "arm_reversal"}
calibrations = st.builds(contracts.Calibration, slope=positive, intercept=numbers)


@st.composite
def contract_values(draw):
    def some(table, feature):
        chosen = draw(st.lists(st.sampled_from(sorted(table)), unique=True, max_size=4))
        return tuple(draw(feature(name)) for name in chosen)

    targets = {name: draw(rules()) for name in draw(st.lists(names, min_size=1, max_size=4, unique=True))}
    return contracts.Contract(
        name=draw(names),
        signal=contracts.Signal(
            leads=tuple(draw(st.lists(st.sampled_from(STANDARD), min_size=1, unique=True))),
            sampling_rate_hz=draw(st.floats(1, 10_000)),
            window_samples=draw(st.integers(2, 1_000_000)),
        ),
        preprocessing=draw(preprocessings),
        continuous=some(contracts.NUMBERS, continuous_features),
        categorical=some(contracts.CATEGORIES, categorical_features),
        missing_flags=draw(st.sampled_from(["none", "continuous", "categorical"])),
        targets=tuple(
            contracts.Target(
                name=name,
                criterion=draw(optional(criteria)),
                decision_threshold=rule.decision_threshold,
                calibration=draw(optional(calibrations)),
                decision=rule.decision,
            )
            for name, rule in targets.items()
        ),
        population=contracts.Population(minimum_age=draw(st.floats(0, 120))),
        quality=draw(quality_limits()),
    )


SHARE = {"value": 0.5, "low": 0.25, "high": 0.75}
POINTS = [
    {"windows": 4, "facts": "all", "most_missing": 2, "threshold": 0.25, "reason": None, "patients": 90,
     "positives": 30, "negatives": 70, "prevalence": 0.3, "sensitivity": SHARE, "specificity": SHARE, "ppv": SHARE,
     "npv": None,
     "conformal": {"error": 0.1, "positive_from": 0.125, "negative_to": 0.25, "coverage_positive": SHARE,
                   "coverage_negative": None, "unsure": SHARE}},
    {"windows": 1, "facts": "age and sex", "most_missing": 10, "threshold": None, "reason": "too few", "patients": 1,
     "positives": 0, "negatives": 1, "prevalence": 0, "sensitivity": None, "specificity": None, "ppv": None,
     "npv": None, "conformal": None},
]  # fmt: skip
EXPERIENCE = {
    "features": 640, "quantile": 0.99, "trained_on": "folds 0 to 17", "chosen_on": "fold 18",
    "ranges": [{"name": "age", "minimum": 18, "maximum": 91}],
    "limits": [{"windows": 4, "facts": "all", "most_missing": 2, "distance": 28.5, "patients": 90}],
}  # fmt: skip
DECISION = {"rule": "youden", "chosen_on": "fold 18", "measured_on": "fold 19", "points": POINTS}


@pytest.fixture(scope="module")
def document(data_folder):
    """A contract with all that one can have, but for quality limits."""
    document = json.loads((data_folder / "parity" / "contract.json").read_text())
    document["targets"][1] |= {"decision": copy.deepcopy(DECISION), "decision_threshold": 0.25}
    document["targets"][2] |= {"decision": copy.deepcopy(DECISION), "decision_threshold": None}
    document["experience"] = copy.deepcopy(EXPERIENCE)
    return document


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft202012Validator(json.loads(contracts.SCHEMA_FILE.read_text()))


def test_limits_that_a_contract_does_not_state_are_the_same_for_both(document):
    assert "quality" not in document
    stated = [name for name in quality.FAULTS if name not in {"too_short", "empty", "gap"}]
    assert list(contracts.QualityLimits.__struct_fields__) == stated
    for more in ({}, {"quality": {}}, {"quality": {"noise": {}}}, {"quality": {"noise": {"refuse": 3}}}):
        assert require_same_verdict(json.dumps(document | more).encode())


@pytest.mark.parametrize("name", contracts.QualityLimits.__struct_fields__)
def test_a_limit_that_refuses_before_it_warns_is_refused(document, name):
    for warn, refuse in ((1, 2), (2, 1), (1, 1)):
        accepted = require_same_verdict(
            json.dumps(document | {"quality": {name: {"warn": warn, "refuse": refuse}}}).encode()
        )
        assert accepted == (warn == refuse or (refuse < warn) == (name in BELOW))


def python_accepts(text):
    try:
        return contracts.decode(text)
    except ContractError:
        return None


def native_accepts(text):
    try:
        return _core.Contract.decode(text)
    except ContractError:
        return None


def require_same_verdict(text):
    """Both accept, with equal fields, or both refuse; returns whether they accept."""
    ours, theirs = native_accepts(text), python_accepts(text)
    assert (ours is None) == (theirs is None), text
    if ours is not None:
        require_same_fields(ours.to_dict(), theirs)
    return ours is not None


def require_same_fields(ours, contract):
    """Constants of which only one value is allowed are not kept by the native reader."""
    theirs = json.loads(msgspec.json.encode(contract))
    del theirs["schema_version"], theirs["signal"]["unit"]
    del theirs["preprocessing"]["missing_samples"], theirs["preprocessing"]["resampler"]
    assert ours == theirs


@examples(200)
@given(contract_values())
def test_any_valid_contract_is_read_alike(contract):
    assert require_same_verdict(contracts.encode(contract))
    columns = contract.static_inputs
    native = _core.Contract.decode(contracts.encode(contract))
    assert native.continuous_columns == len(columns.continuous)
    assert native.codes_per_column == list(columns.categorical.values())


def paths(node, way=()):
    """Places of all values in a document."""
    yield way
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from paths(value, (*way, key))


ODD_VALUES = [
    None, True, False, 0, 1, -1, 2, 1.5, -0.0, 0.0, 250.0, 10**6, 10**6 + 1, 10**30, 2**63, -(2**63), 1e308, 5e-324,
    "", "I", "aVR", "avr", "mV", "linear", "x" * 120, "x" * 121, "ä" * 120, "ä" * 121, "😀" * 120, "1-1", "12345678-1",
    "1-1\n", "-1", "\0", "age", "sex", "y", "none", "<=", "prediction", [], {}, [[]], ["a", "b"], ["a", "a"],
    {"above": 1, "value": 2}, {"slope": 1, "intercept": 0}, "all", "age and sex",
    {"value": 0.5, "low": 0.5, "high": 0.5},
]  # fmt: skip


def change_one_place(document, draw):
    """Replace, remove, add or move something at a random place."""
    changed = copy.deepcopy(document)
    *way, last = draw(st.sampled_from([p for p in paths(changed) if p]))
    node = changed
    for step in way:
        node = node[step]
    action = draw(st.sampled_from(["replace", "replace", "remove", "add", "copy"]))
    if action == "remove":
        del node[last]
    elif action == "add" and isinstance(node, dict):
        node[draw(st.sampled_from(["unheard_of", "name", "unit", "median", "criterion", "category"]))] = draw(
            st.sampled_from(ODD_VALUES)
        )
    elif action == "copy" and isinstance(node, list):
        node.append(copy.deepcopy(node[0]))
    else:
        node[last] = draw(st.sampled_from(ODD_VALUES))
    return changed


@examples(1500)
@given(st.data())
def test_a_changed_contract_is_accepted_by_both_or_refused_by_both(document, validator, data):
    changed = document
    for _ in range(data.draw(st.integers(1, 2))):
        changed = change_one_place(changed, data.draw)
        if not isinstance(changed, dict) or not changed:
            break
    accepted = require_same_verdict(json.dumps(changed).encode())
    assert validator.is_valid(changed) or not accepted


def test_every_field_of_the_schema_is_known_and_every_other_refused(document):
    """Each property in turn is set to what no field may be; one that the native reader ignored would pass."""
    for way in paths(document):
        if not way:
            continue
        changed = copy.deepcopy(document)
        node = changed
        for step in way[:-1]:
            node = node[step]
        node[way[-1]] = {"unheard_of": 1}
        assert not require_same_verdict(json.dumps(changed).encode()), way


@examples(1500)
@given(st.data())
def test_a_damaged_text_is_accepted_by_both_or_refused_by_both(document, data):
    text = bytearray(json.dumps(document, ensure_ascii=data.draw(st.booleans())).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        piece = data.draw(
            st.one_of(
                st.binary(max_size=3),
                st.sampled_from(
                    [b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\\ud800", b"\\ud83d\\ude00", b"\\u0041", b"1", b"0", b"-",
                     b"e5", b"e-5", b".5", b"\x00", b" ", b"\t", b"\x0b", b",", b'"', b"[", b"}", b"\\", b"\\/", b"//"]
                ),
            )
        )  # fmt: skip
        text[place : place + data.draw(st.integers(0, 2))] = piece
    require_same_verdict(bytes(text))


@pytest.mark.parametrize(
    "number",
    ["3", "3.0", "3e0", "3E+0", "30e-1", "1e-999", "1e999", "-3", "-0", "+3", "03", "3.", ".3", "3e", "0x3", "NaN",
     "Infinity", "-Infinity", "1e-5", "4.9e-324", "2.4e-324", "1.7976931348623157e308", "1.7976931348623159e308",
     "0." + "0" * 500 + "1", "1" + "0" * 400, "1" + "0" * 400 + "e-400", "1" + "0" * 700 + "e-5",
     "0." + "0" * 500 + "1e2", "0." + "0" * 400 + "1e401", "1e00000000000000000000001", "1e99999999999999999999",
     "1e-99999999999999999999", "0e99999999999999999999", "9007199254740993", "123456789012345678901234567890",
     "0.1", "0.30000000000000004", "2.2250738585072011e-308"],
)  # fmt: skip
def test_every_spelling_of_a_number_means_the_same(document, number):
    text = json.dumps(document)
    for old in ('"clip_mv": 3.0', '"window_samples": 250', '"threshold": 5.1'):
        assert old in text
        require_same_verdict(text.replace(old, old.split(":")[0] + ": " + number).encode())


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"{", b"[]", b"null", b"3", b"\xff\xff", b"[" * 100_000, b'{"name":' * 100_000, b"{}{}",
     b"\xef\xbb\xbf{}", b'"' + b"x" * 1000, b"\x00"],
    ids=lambda x: repr(x[:9]),
)  # fmt: skip
def test_what_is_no_object_is_refused(text):
    assert not require_same_verdict(text)


@pytest.mark.parametrize("length", [0, 1, 119, 120, 121])
@pytest.mark.parametrize("character", ["x", "ä", "€", "😀", "\u0300"])
def test_lengths_are_of_characters_and_not_of_bytes(document, length, character):
    changed = document | {"name": character * length}
    for escaped in (True, False):
        assert require_same_verdict(json.dumps(changed, ensure_ascii=escaped).encode()) == (1 <= length <= 120)


def test_text_beyond_any_contract_is_refused_before_it_is_read():
    with pytest.raises(ContractError, match="longer than any"):
        _core.Contract.decode(b"[" + b"1," * 2**23 + b"1]")


def test_a_refusal_says_what_and_where(document):
    changed = copy.deepcopy(document)
    changed["targets"][2]["decision_threshold"] = 1.5
    with pytest.raises(ContractError, match=r"x is not a valid contract: .*at `\$\.targets\[2\]\.decision_threshold`"):
        _core.Contract.decode(json.dumps(changed).encode(), "x")


@pytest.mark.parametrize(
    "hidden",
    [
        "\x1b[31m",
        "\u202e",
        "\u2066",
        "\u200f",
        "\ufeff",
        "\u2028",
        "\x85",
        "\n",
        "\x7f",
        "\U000e0041",
        "\ufffe",
        "\xad",
    ],
)
def test_a_text_that_does_not_show_as_it_is_is_refused(document, hidden):
    """In every field of text, however the JSON spells it: a terminal, a page or a table would show something else."""
    changed = copy.deepcopy(document)
    for way in (
        ("name",),
        ("targets", 1, "name"),
        ("targets", 1, "criterion", "unit"),
        ("categorical", 0, "categories", 0),
    ):
        changed = copy.deepcopy(document)
        *steps, last = way
        node = changed
        for step in steps:
            node = node[step]
        node[last] = f"a{hidden}b"
        for escaped in (True, False):
            with pytest.raises(ContractError, match=r"printable text, not U\+|a control character"):
                contracts.decode(json.dumps(changed, ensure_ascii=escaped))


@pytest.mark.parametrize(
    "shown", ["kg/m²", "°F", "Ä", "κάλιο", "калий", "钾", "पोटैशियम", "پتاسیم", "نمی\u200cشود", "👩\u200d⚕️"]
)
def test_texts_of_any_script_are_kept(document, shown):
    assert contracts.decode(json.dumps(document | {"name": shown})).name == shown


def test_what_the_table_of_fields_is_written_to_is_written_anew():
    """`make schema` leaves no difference."""
    for path, content in contract_table.FILES.items():
        assert path.read_text(encoding="utf-8") == content(), path
