"""The chosen threshold keeps its rule, and none that does is better: against every threshold there is, with ties."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from ecg2lab.errors import DatasetError
from ecg2lab_training.measures import curves, operating_points
from ecg2lab_training.measures.operating_points import Rule, choose, out_of_fold, parse

KINDS = ("specificity", "sensitivity", "ppv", "net-benefit")
# Few distinct scores, for ties; 0 and 1; two neighbours whose middle rounds; single precision as the engine has.
SCORES = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, np.nextafter(0.2, 1), 0.3, 0.9, float(np.float32(0.9)), 1.0]), st.floats(0, 1)
)
CASES = st.lists(st.tuples(SCORES, st.sampled_from([0.0, 0.0, 1.0, np.nan])), max_size=80)
VALUES = st.one_of(st.sampled_from([0.1, 0.3, 0.5, 0.7, 0.9, 0.95]), st.floats(0.001, 0.999))


def arrays(cases: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array(cases, dtype=float).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def table(p: np.ndarray, y: np.ndarray, threshold: float) -> tuple[int, int, int, int]:
    """True and false positives, true and false negatives."""
    return tuple(  # type: ignore[return-value]
        int(((p >= threshold) == flagged)[y == label].sum()) for flagged, label in ((1, 1), (1, 0), (0, 0), (0, 1))
    )


def every_table(p: np.ndarray, y: np.ndarray) -> set[tuple[int, int, int, int]]:
    """Of all thresholds inside (0, 1): on, just above and just below every score."""
    scores = np.concatenate([p[~np.isnan(y)], [0.0, 1.0]])
    tried = np.concatenate([scores, np.nextafter(scores, 0), np.nextafter(scores, 1)])
    return {table(p, y, t) for t in tried if 0 < t < 1}


def keeps(rule: Rule) -> Callable[[tuple[int, int, int, int]], bool]:
    def test(cells: tuple[int, int, int, int]) -> bool:
        hits, alarms, cleared, missed = cells
        value = rule.value or 0.0
        return {
            "specificity": cleared >= value * (cleared + alarms) - 1e-9,
            "sensitivity": hits >= value * (hits + missed) - 1e-9,
            "ppv": hits + alarms >= 20 and hits >= value * (hits + alarms) - 1e-9,
        }[rule.kind]

    return test


class TestChoose:
    """One target's threshold."""

    @examples(400)
    @given(cases=CASES, kind=st.sampled_from(["specificity", "sensitivity", "ppv"]), value=VALUES)
    def test_keeps_the_rule_and_is_the_outermost_that_does(
        self, cases: list[tuple[float, float]], kind: operating_points.Kind, value: float
    ) -> None:
        p, y = arrays(cases)
        rule = Rule(kind, value)
        threshold = choose(p, y, rule)
        able = [cells for cells in every_table(p, y) if keeps(rule)(cells)]
        if min(curves.counts(y)) == 0 or not able:
            assert threshold is None
            return
        assert threshold is not None
        assert 0 < threshold < 1
        outermost = min if kind == "sensitivity" else max  # flags as few as keep it, else as many
        assert table(p, y, threshold) == outermost(able, key=lambda cells: cells[0] + cells[1])

    @examples(200)
    @given(cases=CASES)
    def test_no_other_threshold_beats_youdens(self, cases: list[tuple[float, float]]) -> None:
        p, y = arrays(cases)
        threshold = choose(p, y, Rule("youden"))
        positives, negatives = curves.counts(y)
        if not positives or not negatives:
            assert threshold is None
            return
        index = {cells: cells[0] * negatives - cells[1] * positives for cells in every_table(p, y)}
        assert threshold is not None
        assert index[table(p, y, threshold)] == max(index.values())

    @examples(200)
    @given(cases=CASES, kind=st.sampled_from(KINDS), value=VALUES, seed=st.integers(0, 99))
    def test_order_of_cases_and_unlabelled_ones_do_not_matter(
        self, cases: list[tuple[float, float]], kind: operating_points.Kind, value: float, seed: int
    ) -> None:
        p, y = arrays(cases)
        mixed = np.random.default_rng(seed).permutation(np.flatnonzero(~np.isnan(y)))
        rule = Rule(kind, value)
        assert choose(p[mixed], y[mixed], rule) == choose(p, y, rule)

    def test_lies_halfway(self) -> None:
        p, y = np.array([0.1, 0.2, 0.4, 0.8]), np.array([0.0, 0, 1, 1])
        assert choose(p, y, Rule("specificity", 0.9)) == pytest.approx(0.3)
        assert choose(p, y, Rule("specificity", 0.5)) == pytest.approx(0.15)
        assert choose(p, y, Rule("sensitivity", 0.9)) == pytest.approx(0.3)
        assert choose(p, y, Rule("sensitivity", 0.5)) == pytest.approx(0.6)
        assert choose(p, y, Rule("youden")) == pytest.approx(0.3)

    def test_nine_of_ten_are_nine_tenths(self) -> None:
        p = np.linspace(0.05, 0.95, 20)
        y = np.repeat([0.0, 1.0], 10)
        assert table(p, y, choose(p, y, Rule("specificity", 0.9)) or 0) == (10, 1, 9, 0)
        assert table(p, y, choose(p, y, Rule("sensitivity", 0.9)) or 0) == (9, 0, 10, 1)

    def test_equal_scores_are_not_parted(self) -> None:
        """A third of the negatives ties with the positives: to keep a specificity of 0.9, none of them is flagged."""
        p, y = np.array([0.2] * 20 + [0.6] * 20), np.array([0.0] * 20 + [0.0] * 10 + [1.0] * 10)
        assert choose(p, y, Rule("specificity", 0.9)) == pytest.approx(0.8)
        assert choose(p, y, Rule("specificity", 0.6)) == pytest.approx(0.4)

    def test_constant_scores_flag_all_or_none(self) -> None:
        p, y = np.full(50, 0.3), np.array([0.0, 1.0] * 25)
        assert choose(p, y, Rule("specificity", 0.9)) == pytest.approx(0.65)
        assert choose(p, y, Rule("sensitivity", 0.9)) == pytest.approx(0.15)
        assert choose(p, y, Rule("ppv", 0.5)) == pytest.approx(0.15)
        assert choose(p, y, Rule("ppv", 0.51)) is None

    def test_cases_that_score_1_are_always_flagged(self) -> None:
        assert choose(np.ones(50), np.array([0.0, 1.0] * 25), Rule("specificity", 0.9)) is None
        assert choose(np.zeros(50), np.array([0.0, 1.0] * 25), Rule("sensitivity", 0.9)) is None

    def test_a_ppv_of_few_flags_does_not_count(self) -> None:
        """The 19 on top are all right, but 19 are not 20."""
        p = np.concatenate([np.linspace(0.1, 0.5, 100), np.linspace(0.6, 0.9, 19)])
        y = np.repeat([0.0, 1.0], [100, 19])
        assert choose(p, y, Rule("ppv", 0.99)) is None
        assert choose(p, y, Rule("ppv", 0.95)) is not None  # 19 of 20

    def test_net_benefit_is_the_threshold_itself(self) -> None:
        assert choose(np.array([0.1, 0.2]), np.array([0.0, 1.0]), Rule("net-benefit", 0.37)) == 0.37

    @pytest.mark.parametrize("rule", [*(Rule(kind, 0.5) for kind in KINDS), Rule("youden"), Rule("none")], ids=str)
    def test_one_class_alone_or_nobody_has_none(self, rule: Rule) -> None:
        for labels in (np.zeros(50), np.ones(50), np.full(50, np.nan)):
            assert choose(np.linspace(0.1, 0.9, 50), labels, rule) is None
        assert choose(np.array([]), np.array([]), rule) is None

    def test_none_is_none(self) -> None:
        assert choose(np.array([0.1, 0.2]), np.array([0.0, 1.0]), Rule("none")) is None


class TestParse:
    """Rules as text."""

    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("specificity=0.90", Rule("specificity", 0.9)),
            ("sensitivity=0.9", Rule("sensitivity", 0.9)),
            ("ppv=.5", Rule("ppv", 0.5)),
            ("net-benefit=1e-3", Rule("net-benefit", 0.001)),
            ("youden", Rule("youden")),
            ("none", Rule("none")),
        ],
    )
    def test_what_may_be_asked(self, text: str, rule: Rule) -> None:
        assert parse(text) == rule

    @examples(100)
    @given(kind=st.sampled_from(KINDS), value=st.floats(0, 1, exclude_min=True, exclude_max=True))
    def test_reads_back_what_it_says(self, kind: operating_points.Kind, value: float) -> None:
        assert parse(str(Rule(kind, value))) == Rule(kind, value)
        assert parse(str(Rule(kind, float(np.float64(value))))) == Rule(kind, value)

    def test_reads_back_words_and_the_default(self) -> None:
        assert [str(parse(word)) for word in ("youden", "none")] == ["youden", "none"]
        assert parse(operating_points.DEFAULT_RULE) == Rule("specificity", 0.9)

    @pytest.mark.parametrize(
        "text",
        [
            *("", "Youden", "youden=1", "none=", "specificity", "specificity=", "specificity=1", "sensitivity=1.0"),
            *("ppv=0", "net-benefit=nan", "net-benefit=-0.1", "npv=0.9", "ppv=a half", "=0.5", "specificity=inf"),
        ],
    )
    def test_anything_else_is_refused_by_what_may_be_asked(self, text: str) -> None:
        with pytest.raises(DatasetError) as refusal:
            parse(text)
        assert str(refusal.value) == (
            f"rule {text!r} is none of specificity=0.90, sensitivity=0.9, ppv=0.5, net-benefit=0.1 "
            "(or another number above 0 and below 1), youden, none"
        )

    def test_a_rule_made_in_python_is_held_to_the_same(self) -> None:
        for kind, value in (("specificity", None), ("specificity", 1.0), ("youden", 0.5), ("npv", 0.5)):
            with pytest.raises(DatasetError, match="is none of"):
                Rule(kind, value)  # type: ignore[arg-type]


class TestOutOfFold:
    """Flags by thresholds of other patients."""

    @staticmethod
    def cases(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        labels = (rng.random((400, 3)) < 0.3).astype(float)
        labels[rng.random((400, 3)) < 0.2] = np.nan
        scores = np.round(1 / (1 + np.exp(-rng.normal(np.nan_to_num(labels), 1.0))), 2)
        return scores, labels, rng.integers(0, 120, size=400)

    def test_a_patients_own_labels_have_no_part(self) -> None:
        p, y, patient = self.cases()
        before = out_of_fold(p, y, patient, parse("specificity=0.90"))
        for one in range(20):
            own = patient == one
            turned = y.copy()
            turned[own] = 1 - y[own]
            after = out_of_fold(p, turned, patient, parse("specificity=0.90"))
            np.testing.assert_array_equal(after[own], before[own])

    def test_each_part_is_judged_by_the_threshold_of_the_others(self) -> None:
        """Each patient's flags are those of a threshold chosen without some fifth of the patients, it among them."""
        p, y, patient = self.cases()
        flags = out_of_fold(p, y, patient, parse("sensitivity=0.9"), turns=5, seed=3)
        part = np.random.default_rng(3).permutation(len(np.unique(patient))) % 5
        assert np.ptp(np.bincount(part)) <= 1
        for turn, column in np.ndindex(5, 3):
            judged = np.isin(patient, np.unique(patient)[part == turn])
            threshold = choose(p[~judged, column], y[~judged, column], parse("sensitivity=0.9"))
            assert threshold is not None
            expected = np.where(np.isnan(y[judged, column]), np.nan, p[judged, column] >= threshold)
            np.testing.assert_array_equal(flags[judged, column], expected)

    def test_no_flag_without_a_label_or_a_threshold(self) -> None:
        p, y, patient = self.cases()
        y[:, 1] = np.nan
        y[:, 2] = 0
        flags = out_of_fold(p, y, patient, parse("specificity=0.90"))
        np.testing.assert_array_equal(np.isnan(flags[:, 0]), np.isnan(y[:, 0]))
        assert np.isnan(flags[:, 1:]).all()
        assert np.isnan(out_of_fold(p, y, patient, parse("none"))).all()
        assert out_of_fold(p[:0], y[:0], patient[:0], parse("youden")).shape == (0, 3)

    def test_positives_of_one_patient_give_it_no_flag(self) -> None:
        p, y, patient = self.cases()
        y = np.where(patient == 7, 1.0, 0.0)[:, None]
        assert np.isnan(out_of_fold(p[:, :1], y, patient, parse("youden"))[patient == 7]).all()

    def test_one_turn_leaves_nobody_to_choose_by(self) -> None:
        with pytest.raises(ValueError, match="at least 2"):
            out_of_fold(*self.cases(), parse("youden"), turns=1)
