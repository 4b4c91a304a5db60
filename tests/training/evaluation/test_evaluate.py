"""The whole report on a data set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ecg2lab import contract as contracts
from ecg2lab.bundle import CARD, Bundle
from ecg2lab.errors import DatasetError, OutputError
from ecg2lab_export import export
from ecg2lab_export.network import cardiolab
from ecg2lab_training.data import dataset
from ecg2lab_training.data.crops import Recordings, probabilities
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.evaluation import baseline, evaluate, ideal, on_dataset, population, result
from ecg2lab_training.evaluation.card import card
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.evaluate import Wishes
from ecg2lab_training.evaluation.result import Evaluation
from ecg2lab_training.evaluation.subject import open_subject
from ecg2lab_training.evaluation.table import table
from ecg2lab_training.measures import bootstrap, curves, decisions
from ecg2lab_training.measures.operating_points import Rule
from ecg2lab_training.network.model import FusionModel

from .conftest import PLANTED, small_contract, write_small

pytestmark = pytest.mark.slow

FEW = Wishes(rounds=200)


@pytest.fixture(scope="module")
def judged(small_run: Path, small: Dataset) -> tuple[Evaluation, Cases]:
    """An evaluation of the run on its data."""
    return evaluate.on_data_set(open_subject(small_run), small, FEW)


def test_report_is_whole_and_the_same_again(judged: tuple[Evaluation, Cases], tmp_path: Path) -> None:
    for name in ("report", "again"):
        evaluate.write(tmp_path / name, *judged)
    names = sorted(p.name for p in (tmp_path / "report").iterdir())
    assert names == ["card.md", "decision_curves.png", "evaluation.json", "reliability.png", "roc.png", "table.md"]
    for name in names:
        assert (tmp_path / "report" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    read = result.read(tmp_path / "report" / "evaluation.json")
    assert read == judged[0]
    assert (tmp_path / "report" / "card.md").read_text() == card(read)
    assert (tmp_path / "report" / "table.md").read_text() == table(read)
    assert "NaN" not in (tmp_path / "report" / "evaluation.json").read_text()


def test_areas_are_those_of_the_run(judged: tuple[Evaluation, Cases], small_run: Path, small: Dataset) -> None:
    recordings = Recordings(small, "test")
    model = FusionModel.from_network(cardiolab.read(small_run / "model.safetensors"))
    areas = curves.per_target(probabilities(model, recordings), recordings.labels)
    # the same network in single precision, batched differently: the order of patients is the same
    assert [t.auroc.value for t in judged[0].targets] == pytest.approx(areas.tolist(), abs=1e-6)
    assert judged[0].overall.macro_auroc.value == pytest.approx(areas.mean())
    for t in judged[0].targets:
        assert t.auroc.low is not None
        assert t.auroc.high is not None
        assert t.auroc.value is not None
        assert t.auroc.low < t.auroc.value < t.auroc.high


def test_a_bundle_gets_the_report_of_its_run(
    judged: tuple[Evaluation, Cases], small_bundle: Path, small: Dataset
) -> None:
    """The engine differs from PyTorch by 1e-6 in a logit: a pair of close scores may change places."""
    found, _ = evaluate.on_data_set(open_subject(small_bundle), small, FEW)
    assert found.model.weights_sha256 == judged[0].model.weights_sha256
    for t, of_run in zip(found.targets, judged[0].targets, strict=True):
        assert t.auroc.value == pytest.approx(of_run.auroc.value, abs=2e-3)
        assert t.auroc.low == pytest.approx(of_run.auroc.low, abs=5e-3)
    assert found.overall.macro_auroc.value == pytest.approx(judged[0].overall.macro_auroc.value, abs=1e-3)


def test_nothing_is_fitted_on_the_test_fold(small_run: Path, small: Dataset) -> None:
    """With the test labels reversed, calibrations and thresholds stay, also where they are fitted here."""
    labels = small.labels.copy()
    labels[small.rows("test")] = 1 - labels[small.rows("test")]
    subject = open_subject(small_run)
    bare = tuple(msgspec.structs.replace(t, calibration=None) for t in subject.contract.targets)
    without = replace(subject, contract=msgspec.structs.replace(subject.contract, targets=bare))
    for model, wishes in ((subject, FEW), (without, replace(FEW, rule=Rule("specificity", 0.8), least_cases=10))):
        first, reversed_ = (
            evaluate.on_data_set(model, data, wishes)[0] for data in (small, replace(small, labels=labels))
        )
        for a, b in zip(first.targets, reversed_.targets, strict=True):
            assert a.calibration == b.calibration
            assert (a.decision is None) == (b.decision is None) == (a.name == "sodium_low_now")
            if a.decision and b.decision:
                assert a.decision.threshold == b.decision.threshold
            assert a.auroc.value == pytest.approx(1 - (b.auroc.value or 0))


def test_contract_without_calibration_gets_one_from_the_validation_fold(small_run: Path, small: Dataset) -> None:
    subject = open_subject(small_run)
    bare = tuple(msgspec.structs.replace(t, calibration=None) for t in subject.contract.targets)
    without = replace(subject, contract=msgspec.structs.replace(subject.contract, targets=bare))
    found, _ = evaluate.on_data_set(without, small, FEW)
    assert found.overall.calibration_from == "fitted here on the validation fold"
    for t, fitted in zip(subject.contract.targets, found.targets, strict=True):
        assert t.calibration is not None
        assert fitted.calibration is not None
        # training fitted it on the same fold; its scores were summed in another order, in single precision
        assert fitted.calibration.slope == pytest.approx(t.calibration.slope, rel=1e-3)


def test_decision_at_a_stated_specificity_and_prevalence(small_run: Path, small: Dataset) -> None:
    wishes = replace(FEW, rule=Rule("specificity", 0.8), least_cases=10, prevalences={"potassium_high_now": 0.02})
    found, _ = evaluate.on_data_set(open_subject(small_run), small, wishes)
    potassium = found.targets[0].decision
    assert potassium is not None
    assert potassium.rule == "specificity=0.8"
    assert potassium.chosen_on == "fold 18, simulated patients held out"
    assert [v.source for v in potassium.predictive_values] == ["these records", "stated"]
    here, stated = potassium.predictive_values
    assert here.npv is not None
    assert stated.npv is not None
    assert stated.npv > here.npv  # rarer
    other = found.targets[1].decision
    assert other is not None
    assert len(other.predictive_values) == 1


def test_predictive_values_at_the_cohorts_prevalence_are_counts(judged: tuple[Evaluation, Cases]) -> None:
    evaluation, cases = judged
    for column, t in enumerate(evaluation.targets[:2]):
        assert t.decision is not None
        assert t.calibration is not None
        logit = np.log(cases.probabilities()[:, column] / (1 - cases.probabilities()[:, column]))
        detected = 1 / (1 + np.exp(-t.calibration.slope * logit - t.calibration.intercept)) >= t.decision.threshold
        labels = cases.labels[:, column]
        known = ~np.isnan(labels)
        assert t.decision.predictive_values[0].ppv == pytest.approx(labels[known & detected].mean())


def test_subgroups_divide_the_records(judged: tuple[Evaluation, Cases]) -> None:
    evaluation, _ = judged
    for attribute in ("sex", "race", "age", "missing numbers"):
        parts = [g for g in evaluation.groups if g.attribute == attribute]
        assert sum(g.records for g in parts) == evaluation.data.records
    assert {g.value for g in evaluation.groups if g.attribute == "sex"} == {"female", "male", "not stated"}


def test_all_windows_averaged_is_the_whole(judged: tuple[Evaluation, Cases]) -> None:
    evaluation, _ = judged
    assert [w.windows for w in evaluation.windows] == [1, 2, 3, 4]
    assert evaluation.windows[-1].macro_auroc.value == pytest.approx(evaluation.overall.macro_auroc.value)


def test_tabular_baseline_knows_the_table_and_not_the_ecg(small_path: Path, tmp_path: Path) -> None:
    """Age tells the second label: an ideal area of 0.86. On 80 test records the standard error is 0.05."""
    data = dataset.read(write_small(tmp_path / "more", 1600))
    areas = curves.per_target(baseline.scores(data), data.labels[data.rows("test")])
    assert areas[1] > 0.7
    assert abs(areas[0] - 0.5) < 0.2


def test_baseline_without_both_classes_is_unknown_by_name(small_run: Path, small: Dataset) -> None:
    labels = small.labels.copy()
    labels[small.rows("train"), 0] = 0
    found, _ = evaluate.on_data_set(open_subject(small_run), replace(small, labels=labels), FEW)
    assert found.baseline is not None
    assert found.baseline.targets_without == ("potassium_high_now",)
    assert found.targets[0].baseline is None
    assert found.targets[0].auroc.value is not None


class TestIdeal:
    """The ideal observer of simulated patients."""

    def test_gap_is_the_difference_of_areas_over_targets_planted_in_the_ecg(
        self, judged: tuple[Evaluation, Cases]
    ) -> None:
        evaluation, cases = judged
        assert evaluation.ideal is not None
        assert cases.ideal is not None
        assert {t.name: t.planted for t in evaluation.targets} == PLANTED
        best = curves.auroc(cases.ideal[:, 0], cases.labels[:, 0])
        model = evaluation.targets[0].auroc.value
        assert model is not None
        assert evaluation.ideal.targets == 1
        assert evaluation.ideal.macro_gap.value == pytest.approx(best - model)
        assert evaluation.targets[0].gap == evaluation.ideal.macro_gap

    def test_planted_nowhere_contains_one_half(self, judged: tuple[Evaluation, Cases]) -> None:
        evaluation, _ = judged
        assert evaluation.ideal is not None
        assert [check.target for check in evaluation.ideal.nowhere] == ["sodium_low_now"]
        assert evaluation.ideal.nowhere_contains_half is True
        assert evaluation.targets[2].ideal == 0.5

    def test_intervals_widen_with_the_count_of_targets_after_bonferroni(self, judged: tuple[Evaluation, Cases]) -> None:
        """Half a width is z(1 - 0.025/m) standard errors: 1.960 for one target, 2.394 for three."""
        _, cases = judged
        draws = bootstrap.plan(cases.patient_id, "patients", 200, 0)
        observed = ideal.Observed(cases, bootstrap.areas(cases.probabilities(), cases.labels, draws), draws)
        one, three = (
            ideal.compare(observed, tuple(PLANTED), dict.fromkeys(names, "nowhere")).nowhere
            for names in (["sodium_low_now"], list(PLANTED))
        )
        widths = [(c.high or 0) - (c.low or 0) for c in (one[0], three[2])]
        assert (one[0].target, three[2].target) == ("sodium_low_now", "sodium_low_now")
        assert widths[1] / widths[0] == pytest.approx(2.394 / 1.960, abs=1e-3)

    def test_a_leak_is_noticed(self, small_run: Path, small: Dataset) -> None:
        """If the label planted nowhere is the one in the ECG, the interval leaves one half."""
        planted = {"potassium_high_now": "nowhere"}
        description = msgspec.structs.replace(small.description, planted=planted)
        data = dataset_with_more_test_records(replace(small, description=description))
        subject = open_subject(small_run)
        perfect = replace(subject, outputs=lambda s, c, k: (np.repeat(10 * s[:, :1, :].mean(axis=2), 3, axis=1), None))
        found, _ = evaluate.on_data_set(perfect, data, FEW)
        assert found.ideal is not None
        assert found.ideal.nowhere_contains_half is False

    def test_real_patients_have_none(self, small_run: Path, small: Dataset) -> None:
        description = msgspec.structs.replace(small.description, planted=None, synthetic=False)
        found, _ = evaluate.on_data_set(
            open_subject(small_run), replace(small, ideal=None, description=description), FEW
        )
        assert found.ideal is None
        assert "ideal observer" not in table(found)


def dataset_with_more_test_records(data: Dataset) -> Dataset:
    """Folds 9 to 17 join the test fold."""
    return replace(data, fold=np.where((data.fold > 8) & (data.fold < 18), 19, data.fold))


class TestMismatch:
    """A data set that does not fit is refused, or what is missing is named."""

    def test_missing_target_is_named(self, small_run: Path, small: Dataset) -> None:
        contract = msgspec.structs.replace(small.contract, targets=small.contract.targets[:2])
        fewer = replace(small, contract=contract, labels=small.labels[:, :2], ideal=None)
        found, _ = evaluate.on_data_set(open_subject(small_run), fewer, FEW)
        assert "target sodium_low_now: the data set has no such label" in found.notes
        assert found.targets[2].auroc.value is None
        assert found.targets[2].positives == 0
        assert found.overall.targets == 2

    def test_another_criterion_is_named(self, small_run: Path, small: Dataset) -> None:
        first = small.contract.targets[0]
        assert first.criterion is not None
        other = msgspec.structs.replace(first, criterion=msgspec.structs.replace(first.criterion, threshold=5.5))
        contract = msgspec.structs.replace(small.contract, targets=(other, *small.contract.targets[1:]))
        found, _ = evaluate.on_data_set(open_subject(small_run), replace(small, contract=contract), FEW)
        expected = "potassium_high_now: the model means Potassium > 5.1 mEq/L, the data set Potassium > 5.5 mEq/L"
        assert any(expected in note for note in found.notes)

    def test_no_target_in_common(self, small_run: Path, small: Dataset) -> None:
        targets = tuple(msgspec.structs.replace(t, name=f"other_{t.name}") for t in small.contract.targets)
        contract = msgspec.structs.replace(small.contract, targets=targets)
        with pytest.raises(DatasetError, match="none of the model's targets, such as 'potassium_high_now'"):
            on_dataset.require_fit(small_contract(), replace(small, contract=contract))

    def test_another_signal_or_feature(self, small: Dataset) -> None:
        model = small_contract()
        slower = msgspec.structs.replace(model.signal, sampling_rate_hz=50.0)
        for change, message in (({"signal": slower}, "signal"), ({"continuous": model.continuous[:9]}, "features")):
            wanted = msgspec.structs.replace(model, **change)
            with pytest.raises(DatasetError, match=f"does not fit the model: {message}"):
                on_dataset.require_fit(wanted, small)

    def test_empty_test_fold(self, small_run: Path, small: Dataset) -> None:
        data = replace(small, fold=np.minimum(small.fold, 18))
        with pytest.raises(DatasetError, match="no test records"):
            evaluate.on_data_set(open_subject(small_run), data, FEW)

    def test_one_class_is_null_and_named(self, small_run: Path, small: Dataset) -> None:
        labels = small.labels.copy()
        labels[small.rows("test"), 2] = 0
        found, _ = evaluate.on_data_set(open_subject(small_run), replace(small, labels=labels), FEW)
        assert found.targets[2].auroc == result.Estimate()
        assert any("sodium_low_now: no AUROC, 0 positives" in note for note in found.notes)
        assert "NaN" not in result.encode(found).decode()

    def test_without_training_folds_there_is_no_baseline_and_it_is_said(self, small_run: Path, small: Dataset) -> None:
        data = replace(small, fold=np.where(small.fold < 18, 19, small.fold), digest="0" * 64)
        found, _ = evaluate.on_data_set(open_subject(small_run), data, FEW)
        assert found.baseline is None
        assert "no tabular baseline: the data set has no training folds" in found.notes
        assert "the data set is not the one that the run was trained on" in found.notes

    def test_taken_folder(self, judged: tuple[Evaluation, Cases], tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="is not empty"):
            evaluate.write(tmp_path, *judged)
        assert [p.name for p in tmp_path.iterdir()] == ["file"]


class TestCard:
    """The model card, and its way into a bundle."""

    def test_has_every_section_and_says_that_it_is_synthetic(self, judged: tuple[Evaluation, Cases]) -> None:
        text = card(judged[0])
        for section in (
            "Identity and lineage", "Intended use", "Out of scope", "Training data", "Performance",
            "Performance in subgroups", "Calibration and decision thresholds", "Limitations",
            "Ethical considerations", "Maintenance", "How to verify",
        ):  # fmt: skip
            assert f"\n## {section}\n" in text
        assert "Trained on simulated patients. It has never seen a person. Not for clinical use." in text

    def test_training_population_comes_back_from_the_card(self, judged: tuple[Evaluation, Cases]) -> None:
        assert judged[0].training_population is not None
        assert population.from_card(card(judged[0])) == judged[0].training_population
        assert population.from_card("# a card\n") is None

    def test_export_takes_the_card_of_the_same_weights_alone(
        self, judged: tuple[Evaluation, Cases], small_run: Path, tmp_path: Path
    ) -> None:
        report = tmp_path / "report"
        evaluate.write(report, *judged)
        export(small_run, tmp_path / "m.ecg2lab", evaluation=report)
        carried = Bundle.open(tmp_path / "m.ecg2lab").member(CARD).decode()
        assert population.from_card(carried) == judged[0].training_population
        assert "## Performance in subgroups" in carried
        assert "## Proof" in carried
        damage(report / "card.md", "Not for clinical use", "For clinical use")
        (report / "evaluation.json").write_bytes((report / "evaluation.json").read_bytes() + b" ")
        with pytest.raises(DatasetError, match="was not made from evaluation.json"):
            export(small_run, tmp_path / "n.ecg2lab", evaluation=report)
        damage(report / "evaluation.json", judged[0].model.weights_sha256, "0" * 64)
        with pytest.raises(DatasetError, match="report of other weights"):
            export(small_run, tmp_path / "n.ecg2lab", evaluation=report)
        assert not (tmp_path / "n.ecg2lab").exists()

    def test_paper_and_simulated_figures_are_kept_apart(self, judged: tuple[Evaluation, Cases]) -> None:
        assert "the patients here are simulated: the two must not be compared" in table(judged[0])


def damage(path: Path, old: str, new: str) -> None:
    """Replace text in a file."""
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    "change", [{"schema_version": 3}, {"macro": 1}, {"data": {}}], ids=["version", "unknown field", "missing field"]
)
def test_nonsense_is_no_evaluation(judged: tuple[Evaluation, Cases], tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps(json.loads(result.encode(judged[0])) | change))
    with pytest.raises(DatasetError, match="is not an evaluation"):
        result.read(path)
    with pytest.raises(DatasetError, match="cannot read"):
        result.read(tmp_path / "none.json")


def test_contract_of_the_run_round_trips(small_run: Path) -> None:
    """The target that is planted nowhere has no decision, for the model cannot tell it."""
    contract = contracts.read(small_run / "contract.json")
    assert all(t.calibration is not None for t in contract.targets)
    main = decisions.Setting(4, "all")
    assert [decisions.threshold_of(t, main) is None for t in contract.targets] == [False, False, True]
    for t in contract.targets:
        assert t.decision is not None
        assert t.decision.rule == "specificity=0.9"
        assert t.decision.chosen_on == "fold 18, simulated patients held out"
        assert {(p.windows, p.facts) for p in t.decision.points} == {
            (w, facts) for w in (1, 4) for facts in ("all", "age and sex")
        }
