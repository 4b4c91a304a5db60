"""Decision: mean probability, Platt calibration on its logit, operating points, against plain NumPy and Python."""

import msgspec
import numpy as np
import pytest
from drawn_models import FEATURES, decided_contracts, facts_of, with_median, with_missing_code
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab._native import _core
from ecg2lab.answer.prediction import decide as decide_findings
from ecg2lab.bundle.network_outputs import Outputs
from ecg2lab.contract import Calibration, Target, published, unnamed_targets
from ecg2lab.contract.claims import (
    ConformalSet,
    Decision,
    Experience,
    ExperienceLimit,
    Measured,
    OperatingPoint,
    TrainedRange,
)
from ecg2lab.errors import BackendError
from ecg2lab.patient import Patient
from ecg2lab.patient.features import encode

NONE = (1.0, 0.0, np.nan)
"""No calibration, no decision."""


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def calibrated(p, slope, intercept):
    return sigmoid(slope * np.log(p / (1 - p)) + intercept)


def target(index, slope, intercept, threshold):
    calibration = (
        None if (slope, intercept) == NONE[:2] else Calibration(slope=float(slope), intercept=float(intercept))
    )
    threshold = None if np.isnan(threshold) else float(threshold)
    return Target(name=f"target {index}", calibration=calibration, decision_threshold=threshold)


def taking(targets, numbers=("age", "bmi", "heart_rate_bpm"), categories=("sex",)):
    """A contract that takes these facts, and has something in place of each."""
    return msgspec.structs.replace(
        published(targets),
        continuous=tuple(map(with_median, numbers)),
        categorical=tuple(map(with_missing_code, categories)),
    )


def decide(logits, rules):
    """A tuple for each target: probability, lowest, highest, verdict."""
    contract = taking([target(i, *rule) for i, rule in enumerate(np.array(rules, ndmin=2))])
    logits = np.array(logits, np.float32, ndmin=2)
    decided = _core.decide(logits, None, encode(Patient(), contract), contract.native, None)
    return [(d.probability, d.lowest, d.highest, d.detected) for d in decided.verdicts]


@examples(200)
@given(st.integers(1, 6), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_probabilities_equal_numpy(windows, targets, seed):
    """Float64 on both sides; 1e-12 leaves room for exp and log of another library."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 4, (windows, targets)).astype(np.float32)
    slope, intercept = random.uniform(0.2, 3, targets), random.normal(size=targets)
    rules = np.stack([slope, intercept, random.uniform(0.01, 0.99, targets)], axis=1)
    each = sigmoid(logits)
    expected = calibrated(each.mean(axis=0), slope, intercept)
    probability, lowest, highest, verdict = np.array(decide(logits, rules)).T
    np.testing.assert_allclose(probability, expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(lowest, calibrated(each.min(axis=0), slope, intercept), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(highest, calibrated(each.max(axis=0), slope, intercept), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(verdict, probability >= rules[:, 2])
    assert (lowest <= probability + 1e-12).all()
    assert (probability <= highest + 1e-12).all()


def test_probabilities_are_averaged_not_logits():
    """Windows of logit 8 and −2: the mean probability is 0.56, that of the mean logit 0.95."""
    [(probability, *_)] = decide([[8], [-2]], [NONE])
    assert probability == pytest.approx((sigmoid(8) + sigmoid(-2)) / 2, abs=1e-12)


def test_calibration_is_applied_to_the_mean_not_to_each_window():
    [(probability, *_)] = decide([[8], [-2]], [(3.0, 1.0, np.nan)])
    mean = (sigmoid(8) + sigmoid(-2)) / 2
    assert probability == pytest.approx(calibrated(mean, 3, 1), abs=1e-12)
    assert abs(probability - calibrated(sigmoid([8, -2]), 3, 1).mean()) > 0.1


def test_no_calibration_leaves_the_probability_bit_for_bit():
    [(probability, *_)] = decide([[0.1]], [NONE])
    assert probability == 1 / (1 + np.exp(-np.float64(np.float32(0.1))))


def test_a_threshold_exactly_at_the_probability_counts_as_detected():
    [(probability, *_)] = decide([[0.3], [-1.2]], [NONE])
    for threshold, verdict in [(probability, 1), (np.nextafter(probability, 1), 0), (np.nextafter(probability, 0), 1)]:
        assert decide([[0.3], [-1.2]], [(1.0, 0.0, threshold)])[0][3] == verdict


def test_the_threshold_is_compared_with_the_calibrated_probability():
    """Logit 0 is 0.5; calibrated by +2 it is 0.88."""
    assert decide([[0]], [(1.0, 2.0, 0.8)])[0][3] == 1
    assert decide([[0]], [(1.0, -2.0, 0.4)])[0][3] == 0


def test_without_a_threshold_nothing_is_decided():
    assert decide([[1e4]], [NONE])[0][3] is None


@pytest.mark.parametrize("logit", [1e4, -1e4, 88.8, -745.2, 3.4e38, -3.4e38])
@pytest.mark.parametrize("rule", [NONE, (1.5, 0.3, 0.5), (0.01, -40.0, 0.5)])
def test_extreme_logits_stay_probabilities_on_the_right_side(logit, rule):
    [(probability, lowest, highest, _)] = decide([[logit], [logit]], [rule])
    for value in (probability, lowest, highest):
        assert 0 <= value <= 1
    [(of_zero, *_)] = decide([[0]], [rule])
    assert (probability > of_zero) == (logit > 0)


def test_calibration_keeps_the_order_of_probabilities():
    """Slope is positive, so a larger logit can never come out as a smaller probability: not at the ends either."""
    logits = np.linspace(-60, 60, 241, dtype=np.float32)
    for rule in ((0.7, 0.4, np.nan), (2.5, -1.0, np.nan)):
        probabilities = [decide([[x]], [rule])[0][0] for x in logits]
        assert (np.diff(probabilities) >= 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_not_finite_is_refused(value):
    """Wherever it stands: a NaN in the last window of the last target too."""
    for place in [(0, 0), (2, 1)]:
        logits = np.zeros((3, 2), np.float32)
        logits[place] = value
        with pytest.raises(BackendError, match="not finite"):
            decide(logits, [NONE, NONE])


def test_the_order_of_windows_changes_only_rounding_and_targets_do_not_mix():
    logits = np.random.default_rng(0).normal(0, 3, (5, 4)).astype(np.float32)
    rules = np.array([(1.0 + i, i / 10, 0.5) for i in range(4)])
    whole = np.array(decide(logits, rules))
    shuffled = np.array(decide(logits[::-1], rules))
    np.testing.assert_allclose(shuffled, whole, rtol=1e-14)
    for column in range(4):
        alone = decide(logits[:, [column]], rules[[column]])
        assert alone == [tuple(whole[column])]


def test_wrong_sizes_and_types_are_errors():
    contract = taking(unnamed_targets(2))
    two, facts = contract.native, encode(Patient(), contract)
    one = np.zeros((1, 2), np.float32)
    with pytest.raises(BackendError, match="no window"):
        _core.decide(one[:0], None, facts, two, None)
    with pytest.raises(BackendError, match="as many logits"):
        _core.decide(one[:, :1].copy(), None, facts, two, None)
    with pytest.raises(ValueError, match="two-dimensional"):
        _core.decide(one[0], None, facts, two, None)
    with pytest.raises(TypeError):
        _core.decide(one.astype(np.float64), None, facts, two, None)
    with pytest.raises(TypeError):
        _core.decide(one, None, {}, two, None)


SHARE = Measured(value=0.5, low=0.25, high=0.75)
EVERYTHING = {"age": 70, "bmi": 25, "heart_rate_bpm": 70, "sex": "male"}
AGE_AND_SEX = {"age": 70, "sex": "male"}
FIGURES = {"prevalence": 0.25, "sensitivity": SHARE, "specificity": SHARE}


def point(windows, facts="all", most_missing=4, threshold=0.5, **others):
    """By its figures it can be told from others."""
    stated = {"patients": 100, "positives": 10, "negatives": 90, **FIGURES, **others}
    return OperatingPoint(windows=windows, facts=facts, most_missing=most_missing, threshold=threshold, **stated)


def finding_of(points, windows, facts, logit=0.0, **taken):
    """The finding of a target with these points: so many windows, all of one logit."""
    decision = Decision(rule="youden", chosen_on="some", measured_on="others", points=tuple(points))
    contract = taking([Target(name="x", decision=decision)], **taken)
    logits = np.full((windows, 1), logit, np.float32)
    [finding] = decide_findings(Outputs(logits), encode(Patient(**facts), contract), contract).findings
    assert finding.rule == "youden"
    return finding


@pytest.mark.parametrize("windows", [1, 2, 4, 8])
def test_the_point_of_exactly_so_many_windows_holds(windows):
    points = [point(n, threshold=n / 10) for n in (4, 1, 2, 8)]
    finding = finding_of(points, windows, EVERYTHING)
    assert finding.operating_point.windows == windows
    assert finding.decision_threshold == windows / 10
    assert finding.verdict == ("flagged" if windows <= 5 else "not flagged")


@pytest.mark.parametrize(
    ("stated", "windows", "reason"),
    [
        ((4, 1), 3, "no operating point holds for 3 windows, only for 1, 4"),
        ((4,), 1, "no operating point holds for 1 window, only for 4"),
        ((8, 2, 1), 4, "no operating point holds for 4 windows, only for 1, 2, 8"),
    ],
)
def test_of_another_number_of_windows_there_is_no_decision(stated, windows, reason):
    finding = finding_of([point(n) for n in stated], windows, EVERYTHING)
    assert (finding.verdict, finding.reason) == ("no decision", reason)
    assert (finding.detected, finding.decision_threshold, finding.operating_point) == (None, None, None)
    assert (finding.base_rate, finding.ratio) == (0.25, 2)


def test_where_age_and_sex_alone_are_known_the_point_of_that_setting_goes_first():
    """In whatever order they stand, and though the other would hold too."""
    both = [point(1, "all", threshold=0.9), point(1, "age and sex", threshold=0.1)]
    for points in (both, both[::-1]):
        assert finding_of(points, 1, AGE_AND_SEX).operating_point.facts == "age and sex"
        assert finding_of(points, 1, AGE_AND_SEX).verdict == "flagged"
        assert finding_of(points, 1, EVERYTHING).verdict == "not flagged"
        assert finding_of(points, 1, AGE_AND_SEX | {"bmi": 25}).verdict == "not flagged"
        assert finding_of(points, 1, {"age": 70}).verdict == "not flagged"
    assert finding_of(both[:1], 1, AGE_AND_SEX).operating_point.facts == "all"
    assert finding_of([point(4, "age and sex"), both[0]], 1, AGE_AND_SEX).operating_point.facts == "all"


def test_age_and_sex_are_alone_only_where_the_model_takes_both():
    """Two of a model's facts are known; they are others."""
    points = [point(1, "age and sex")]
    reason = "no operating point holds with 1 fact missing, only with age and sex alone"
    for numbers, categories, facts in (
        (("bmi",), ("sex", "race"), {"sex": "male", "race": "other"}),
        (("age", "bmi"), ("race",), {"age": 70, "race": "other"}),
    ):
        finding = finding_of(points, 1, facts, numbers=numbers, categories=categories)
        assert (finding.verdict, finding.reason) == ("no decision", reason)
    assert finding_of(points, 1, AGE_AND_SEX, numbers=("age",)).operating_point is not None


@pytest.mark.parametrize(("missing", "holds"), [(0, True), (1, True), (2, False), (3, False)])
def test_a_point_holds_up_to_as_many_missing_facts(missing, holds):
    facts = dict(list(EVERYTHING.items())[missing:])
    finding = finding_of([point(1, most_missing=1), point(4, most_missing=4)], 1, facts)
    if holds:
        assert finding.operating_point.windows == 1
    else:
        assert finding.operating_point is None
        assert finding.reason == f"no operating point holds with {missing} facts missing, only with 1 at most"


def test_the_reason_names_what_is_measured_for_so_many_windows():
    only = [point(1, "age and sex", most_missing=2)]
    reason = finding_of(only, 1, EVERYTHING).reason
    assert reason == "no operating point holds with 0 facts missing, only with age and sex alone"
    both = [point(1, most_missing=0), *only]
    reason = finding_of(both, 1, {"age": 70}).reason
    assert reason == "no operating point holds with 3 facts missing, only with 0 at most or with age and sex alone"


def test_at_the_threshold_of_a_point_a_target_is_flagged():
    for threshold, verdict in [
        (0.5, "flagged"),
        (np.nextafter(0.5, 1), "not flagged"),
        (np.nextafter(0.5, 0), "flagged"),
    ]:
        finding = finding_of([point(1, threshold=float(threshold))], 1, EVERYTHING)
        assert (finding.probability, finding.verdict) == (0.5, verdict)
        assert finding.detected == (verdict == "flagged")
        assert finding.reason is None


def test_a_point_without_a_threshold_says_why():
    unknown = point(1, threshold=None, reason="9 positives: too few", sensitivity=None, specificity=None)
    finding = finding_of([unknown], 1, EVERYTHING)
    assert (finding.verdict, finding.reason) == ("no decision", "9 positives: too few")
    assert (finding.detected, finding.decision_threshold) == (None, None)
    assert finding.operating_point == unknown
    assert (finding.base_rate, finding.ratio) == (0.25, 2)


@pytest.mark.parametrize(("prevalence", "ratio"), [(0.0, None), (5e-324, None), (0.125, 4), (1.0, 0.5)])
def test_the_ratio_is_of_the_probability_to_the_base_rate(prevalence, ratio):
    finding = finding_of([point(1, prevalence=prevalence)], 1, EVERYTHING)
    assert (finding.base_rate, finding.ratio) == (prevalence, ratio)


def test_a_bare_threshold_flags_at_an_unknown_operating_point():
    """Contracts of 0.1.0; without a threshold they decide nothing."""
    contract = taking([Target(name="bare", decision_threshold=0.5), Target(name="neither")])
    for logit, verdict in ((0.0, "flagged"), (-0.1, "not flagged")):
        logits = np.full((3, 2), logit, np.float32)
        bare, neither = decide_findings(Outputs(logits), encode(Patient(), contract), contract).findings
        assert (bare.verdict, bare.detected, bare.decision_threshold) == (verdict, verdict == "flagged", 0.5)
        assert (neither.verdict, neither.detected, neither.decision_threshold) == ("no decision", None, None)
        assert (bare.reason, neither.reason) == (None, "the model has no threshold for it")
        for finding in (bare, neither):
            nothing = (finding.base_rate, finding.ratio, finding.rule, finding.operating_point)
            assert nothing == (None, None, None, None)


def fitting_of(settings, windows, contract, facts):
    """Of operating points or limits, the one that holds."""
    missing = [name for name in contract.feature_names if name not in facts]
    of_so_many = {setting.facts: setting for setting in settings if setting.windows == windows}
    alone = of_so_many.get("age and sex")
    if alone is not None and set(contract.feature_names) - set(missing) == {"age", "sex"}:
        return alone
    whole = of_so_many.get("all")
    return whole if whole is not None and len(missing) <= whole.most_missing else None


def judged(target, probability, windows, contract, facts, outside):
    """The rules again: verdict, threshold, point and base rate."""
    threshold, fitting, base_rate, conformal = target.decision_threshold, None, None, None
    if target.decision is not None:
        fitting = fitting_of(target.decision.points, windows, contract, facts)
        threshold, conformal = (fitting.threshold, fitting.conformal) if fitting else (None, None)
        base_rate = (fitting or target.decision.points[0]).prevalence
    if outside:
        return "outside experience", None, None, base_rate
    if threshold is None:
        return "no decision", None, fitting, base_rate
    if probability >= threshold:
        return "flagged", threshold, fitting, base_rate
    answers = {"abnormal": conformal and probability >= conformal.positive_from}
    answers["not"] = conformal and probability <= conformal.negative_to
    unsure = conformal is not None and sum(answers.values()) != 1
    return "unsure" if unsure else "not flagged", threshold, fitting, base_rate


def is_outside(experience, features, windows, contract, facts, space):
    """By plain NumPy."""
    if experience is None:
        return False
    limit = fitting_of(experience.limits, windows, contract, facts)
    mean, whitening = (x.astype(float) for x in space)
    far = limit is not None and np.linalg.norm((features.mean(axis=0) - mean) @ whitening) > limit.distance
    beyond = (not r.minimum <= facts[r.name] <= r.maximum for r in experience.ranges if r.name in facts)
    return far or any(beyond)


@examples(200)
@given(st.data())
def test_verdicts_equal_a_plain_reading_of_the_rules(data):
    contract = data.draw(decided_contracts())
    facts, windows = data.draw(facts_of(contract)), data.draw(st.sampled_from([1, 2, 3, 4, 5, 8]))
    random = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    logits = random.normal(0, 2, (windows, len(contract.targets))).astype(np.float32)
    features = random.normal(0, 1, (windows, FEATURES)).astype(np.float32)
    space = (
        random.normal(0, 1, FEATURES).astype(np.float32),
        random.normal(0, 1, (FEATURES, FEATURES)).astype(np.float32),
    )
    trained = _core.TrainedFeatures(*space) if contract.experience else None
    decided = decide_findings(Outputs(logits, features), encode(Patient(**facts), contract), contract, trained)
    outside = is_outside(contract.experience, features.astype(float), windows, contract, facts, space)
    assert (decided.experience is None) == (contract.experience is None)
    assert (
        decided.experience is None or (decided.experience.outside, bool(decided.experience.reasons)) == (outside,) * 2
    )
    for target, finding in zip(contract.targets, decided.findings, strict=True):
        expected = judged(target, finding.probability, windows, contract, facts, outside)
        verdict, _, fitting, base_rate = expected
        said = (finding.verdict, finding.decision_threshold, finding.operating_point, finding.base_rate)
        assert said == expected
        assert finding.detected == {"flagged": True, "not flagged": False}.get(verdict)
        ratio = finding.probability / base_rate if base_rate else np.inf
        assert finding.ratio == (ratio if np.isfinite(ratio) else None)
        assert (finding.reason is None) == (verdict in ("flagged", "not flagged"))
        assert fitting is None or fitting.reason in (None, finding.reason)


def conformal(positive_from, negative_to):
    return ConformalSet(error=0.1, positive_from=positive_from, negative_to=negative_to)


@pytest.mark.parametrize(
    ("positive_from", "negative_to", "verdict", "reason"),
    [
        (0.3, 0.7, "unsure", "at an error of 10 %, both answers remain"),
        (0.7, 0.3, "unsure", "at an error of 10 %, neither answer remains"),
        (0.5, 0.5, "unsure", "at an error of 10 %, both answers remain"),
        (0.6, 0.5, "not flagged", None),
        (0.6, 0.7, "not flagged", None),
        (0.3, 0.4, "not flagged", None),  # the set holds abnormal alone, and yet nobody measured a flag there
    ],
)
def test_what_is_not_flagged_is_unsure_where_its_set_holds_both_answers_or_neither(
    positive_from, negative_to, verdict, reason
):
    """The probability is 0.5."""
    unsure = point(1, threshold=0.9, conformal=conformal(positive_from, negative_to))
    finding = finding_of([unsure], 1, EVERYTHING)
    assert (finding.verdict, finding.reason) == (verdict, reason)
    assert finding.decision_threshold == 0.9
    assert finding.detected == (None if reason else False)


def test_a_flag_is_a_flag_whatever_its_set():
    assert finding_of([point(1, threshold=0.4, conformal=conformal(0.1, 0.9))], 1, EVERYTHING).verdict == "flagged"


LIMITS = (
    ExperienceLimit(windows=2, facts="all", most_missing=2, distance=5.0, patients=100),
    ExperienceLimit(windows=2, facts="age and sex", most_missing=2, distance=0.5, patients=100),
)


def with_experience(limits=LIMITS, ranges=(), features=2):
    """The distance is the Euclidean one from (1, 2)."""
    decision = Decision(rule="youden", chosen_on="some", measured_on="others", points=(point(2),))
    experience = Experience(
        features=features, quantile=0.99, trained_on="some", chosen_on="others", ranges=ranges, limits=limits
    )
    contract = taking([Target(name="decided", decision=decision), Target(name="never")])
    return msgspec.structs.replace(contract, experience=experience)


TRAINED = _core.TrainedFeatures(np.array([1, 2], np.float32), np.eye(2, dtype=np.float32))


def familiar(features, facts=EVERYTHING, contract=None):
    """What is said of two windows with these features."""
    contract = contract or with_experience()
    outputs = Outputs(np.zeros((len(features), 2), np.float32), np.array(features, np.float32))
    return decide_findings(outputs, encode(Patient(**facts), contract), contract, TRAINED)


def test_the_distance_is_that_of_the_mean_over_windows():
    inside = familiar([[1, 2], [7, 10]])
    assert inside.experience.distance == 5
    assert (inside.experience.limit, inside.experience.quantile, inside.experience.outside) == (5, 0.99, False)
    assert [finding.verdict for finding in inside.findings] == ["flagged", "no decision"]


def test_beyond_the_limit_nothing_is_decided_and_probabilities_stay():
    outside = familiar([[1, 2], [7, 10.1]])
    reason = (
        "this ECG with these facts is unlike those that the model was trained on: distance 5.04, and 99 % of those lie "
        "within 5"
    )
    assert outside.experience.reasons == (reason,)
    for finding in outside.findings:
        assert (finding.verdict, finding.reason) == ("outside experience", reason)
        assert (finding.detected, finding.decision_threshold, finding.operating_point) == (None, None, None)
        assert finding.probability == 0.5
    assert outside.findings[0].ratio == 2


def test_the_limit_is_that_of_the_facts_that_are_known():
    assert familiar([[1, 2], [3, 2]]).experience.limit == 5
    alone = familiar([[1, 2], [3, 2]], AGE_AND_SEX)
    assert (alone.experience.limit, alone.experience.outside) == (0.5, True)


def test_without_a_limit_for_so_many_windows_or_facts_experience_is_not_judged():
    for features, facts in ([[[90, 90]], EVERYTHING], [[[90, 90]] * 2, {"age": 70}]):
        unknown = familiar(features, facts).experience
        assert (unknown.limit, unknown.outside, unknown.reasons) == (None, False, ())
        assert unknown.distance > 100


@pytest.mark.parametrize(("age", "outside"), [(18.0, False), (91.0, False), (17.5, True), (92.0, True)])
def test_a_number_beyond_those_of_training_is_outside_experience(age, outside):
    """Whatever the distance; the sentence says nothing of the patient."""
    contract = with_experience(ranges=(TrainedRange(name="age", minimum=18, maximum=91),))
    contract = msgspec.structs.replace(
        contract, population=msgspec.structs.replace(contract.population, minimum_age=0.0),
        continuous=tuple(msgspec.structs.replace(f, top_code=None) for f in contract.continuous),
    )  # fmt: skip
    said = familiar([[1, 2]] * 2, EVERYTHING | {"age": age}, contract)
    assert said.experience.outside == outside
    reason = "age lies beyond the 18 to 91 y of those that the model was trained on"
    assert said.experience.reasons == ((reason,) if outside else ())


def test_a_median_that_stands_in_is_of_training():
    contract = with_experience(ranges=(TrainedRange(name="bmi", minimum=1, maximum=2),))
    assert not familiar([[1, 2]] * 2, {"age": 70, "sex": "male", "heart_rate_bpm": 60}, contract).experience.outside
    assert familiar([[1, 2]] * 2, EVERYTHING, contract).experience.outside


def test_features_that_do_not_belong_to_the_model_are_refused():
    contract = with_experience()
    logits, facts = np.zeros((2, 2), np.float32), encode(Patient(), contract)
    good = np.zeros((2, 2), np.float32)
    for features, trained, match in (
        (None, TRAINED, "features"),
        (good, None, "features"),
        (good[:1], TRAINED, "features"),
        (np.zeros((2, 3), np.float32), TRAINED, "features"),
        (np.full((2, 2), np.nan, np.float32), TRAINED, "not finite"),
        (np.full((2, 2), np.inf, np.float32), TRAINED, "not finite"),
    ):
        with pytest.raises(BackendError, match=match):
            decide_findings(Outputs(logits, features), facts, contract, trained)
