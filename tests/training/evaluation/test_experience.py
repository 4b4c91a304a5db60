"""How far experience reaches: from training into the bundle, and with new limits for other patients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from ecg2lab.bundle import EXPERIENCE, Bundle
from ecg2lab.contract import encode
from ecg2lab.errors import ContractError, DatasetError
from ecg2lab_export import experience as files
from ecg2lab_export import export
from ecg2lab_training.data.dataset import Dataset
from ecg2lab_training.evaluation import evaluate, new_contract_files, on_dataset, recalibrate
from ecg2lab_training.evaluation import experience as reach
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.evaluate import Wishes
from ecg2lab_training.evaluation.recalibrate import Recalibrated
from ecg2lab_training.evaluation.subject import Subject, open_subject
from ecg2lab_training.evaluation.table import table
from ecg2lab_training.fit import config
from ecg2lab_training.fit.run import fit
from ecg2lab_training.measures.operating_points import Rule

pytestmark = pytest.mark.slow

RULE = Rule("specificity", 0.8)
DECIDE = Wishes(rounds=200, rule=RULE, least_cases=10)


@pytest.fixture(scope="session")
def held_out(small: Dataset) -> Dataset:
    """The data set with 250 patients in the validation fold and as many in the test fold, of 800."""
    patient = np.arange(len(small.fold)) // 2
    fold = np.select([patient < 250, patient < 500], [18, 19], patient % 18)
    return dataclasses.replace(small, fold=fold)


@pytest.fixture(scope="session")
def far_run(held_out: Dataset, tiny_config: Path, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """A run that was trained on it; read only."""
    settings = config.read(str(tiny_config))
    return made_once("experience-run", lambda folder: fit(settings, held_out, folder / "run")) / "run"


@pytest.fixture(scope="session")
def far_bundle(far_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as a bundle; read only."""
    out = tmp_path_factory.mktemp("experience") / "far.ecg2lab"
    export(far_run, out)
    return out


def test_training_writes_what_export_carries(far_run: Path, far_bundle: Path) -> None:
    bundle = Bundle.open(far_bundle)
    own = bundle.contract.experience
    assert own is not None
    assert own.features == bundle.features == 8 + 4
    assert (own.trained_on, own.chosen_on) == (
        "folds 0 to 17, simulated patients",
        "fold 18, simulated patients held out",
    )
    assert {(one.windows, one.facts) for one in own.limits} == {(w, f) for w in (1, 4) for f in ("all", "age and sex")}
    assert {one.patients for one in own.limits} == {250}
    assert [one.name for one in own.ranges] == [f.name for f in bundle.contract.continuous]
    assert bundle.member(EXPERIENCE) == (far_run / files.FILE).read_bytes()


def test_few_of_the_test_fold_are_outside(far_run: Path, held_out: Dataset) -> None:
    """1 % of 500 ECGs of 250 patients by a limit of 250 others; numbers are drawn within the same range."""
    evaluation, _ = evaluate.on_data_set(open_subject(far_run), held_out, Wishes(rounds=200))
    outside = evaluation.outside
    assert outside is not None
    assert outside.recordings >= 0.9 * 500
    assert outside.share.value <= 0.01 + 4 * np.sqrt(0.0099 * 2 / 250) + 0.01
    assert outside.expected == pytest.approx(0.01)
    assert "Outside experience, where nothing is flagged: " in table(evaluation)
    sure = evaluation.targets[0].conformal
    assert sure is not None
    assert sure.coverage_negative.low < 0.9 < sure.coverage_negative.high


def test_bundle_and_run_measure_the_same_distances(far_run: Path, far_bundle: Path, held_out: Dataset) -> None:
    """Features differ by some 1e-6 between engine and PyTorch; where they hardly vary, whitening enlarges that."""
    run, bundle = open_subject(far_run), open_subject(far_bundle)
    assert all(np.array_equal(a, b) for a, b in zip(run.space, bundle.space, strict=True))
    both = [on_dataset.ask(one, held_out, "test", space=one.space).distances for one in (run, bundle)]
    np.testing.assert_allclose(both[0].mean, both[1].mean, rtol=0.02)
    np.testing.assert_allclose(both[0].windows, both[1].windows, rtol=0.02)


def test_other_signals_are_outside(far_run: Path, held_out: Dataset) -> None:
    """Noise ten times as large as any that was trained on."""
    noisy = np.random.default_rng(0).normal(0, 1, held_out.signals.shape).astype(np.float32)
    evaluation, _ = evaluate.on_data_set(
        open_subject(far_run), dataclasses.replace(held_out, signals=noisy), Wishes(rounds=50)
    )
    assert evaluation.outside.by_distance > 0.95


def test_a_number_beyond_training_is_outside(far_run: Path) -> None:
    contract = open_subject(far_run).contract
    ranges = {one.name: one for one in contract.experience.ranges}
    continuous = np.full((3, len(contract.continuous)), np.nan)
    place = [f.name for f in contract.continuous].index("age")
    continuous[:, place] = [np.nan, ranges["age"].maximum, ranges["age"].maximum + 1]
    assert reach.beyond_ranges(contract, continuous).tolist() == [False, False, True]


def test_new_decisions_keep_the_space_and_get_new_limits(far_bundle: Path, held_out: Dataset, tmp_path: Path) -> None:
    subject = open_subject(far_bundle)
    louder = dataclasses.replace(held_out, signals=np.asarray(held_out.signals) * 1.2)
    fitted = evaluate.fit(subject, louder, DECIDE)
    evaluation, cases = evaluate.on_data_set(subject, louder, DECIDE, fitted=fitted)
    more = new_contract_files.of_decisions(fitted.contract, fitted.space, evaluation, far_bundle, subject)
    evaluate.write(tmp_path / "report", evaluation, cases, more)
    child = Bundle.open(tmp_path / "report" / "decided.ecg2lab")
    parent = Bundle.open(far_bundle)
    assert child.member(EXPERIENCE) == parent.member(EXPERIENCE)
    assert child.member(EXPERIENCE) == (tmp_path / "report" / files.FILE).read_bytes()
    own, old = child.contract.experience, parent.contract.experience
    assert (own.ranges, own.trained_on) == (old.ranges, old.trained_on)
    assert all(new.distance != before.distance for new, before in zip(own.limits, old.limits, strict=True))


def test_a_run_is_exported_under_new_decisions(far_run: Path, held_out: Dataset, tmp_path: Path) -> None:
    """contract.json with experience.safetensors beside it; without it, that of the run."""
    fitted = evaluate.fit(open_subject(far_run), held_out, DECIDE)
    new_contract_files.write_contract(tmp_path, fitted.contract, fitted.space)
    export(far_run, tmp_path / "a.ecg2lab", contract=tmp_path / "contract.json")
    assert Bundle.open(tmp_path / "a.ecg2lab").member(EXPERIENCE) == (tmp_path / files.FILE).read_bytes()
    (tmp_path / files.FILE).unlink()
    export(far_run, tmp_path / "b.ecg2lab", contract=tmp_path / "contract.json")
    assert Bundle.open(tmp_path / "b.ecg2lab").contract == fitted.contract


def test_a_contract_without_its_file_is_refused(far_run: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "contract.json"):
        (tmp_path / name).write_bytes((far_run / name).read_bytes())
    with pytest.raises(ContractError, match=r"experience\.safetensors is not beside it nor beside the weights"):
        export(tmp_path / "model.safetensors", tmp_path / "x.ecg2lab", contract=tmp_path / "contract.json")


def test_a_file_of_another_network_is_refused(far_run: Path, tmp_path: Path) -> None:
    contract = open_subject(far_run).contract
    (tmp_path / "contract.json").write_bytes(encode(contract))
    (tmp_path / files.FILE).write_bytes(files.encode(files.Space(np.zeros(3, np.float32), np.eye(3, dtype=np.float32))))
    with pytest.raises(ContractError, match=r"of 3 features, the contract of 12"):
        export(far_run, tmp_path / "x.ecg2lab", contract=tmp_path / "contract.json")
    other = replace(contract, experience=replace(contract.experience, features=3))
    (tmp_path / "contract.json").write_bytes(encode(other))
    with pytest.raises(ContractError, match=r"experience is of 3 features, the network gives 12"):
        export(far_run, tmp_path / "x.ecg2lab", contract=tmp_path / "contract.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no file", "is damaged"),
        (files.encode(files.Space(np.zeros((2, 2), np.float32), np.eye(2, dtype=np.float32))), r"mean must be \(F\)"),
        (files.encode(files.Space(np.full(2, np.nan, np.float32), np.eye(2, dtype=np.float32))), "not finite"),
        (files.encode(files.Space(np.zeros(2), np.eye(2))), "float32"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        files.decode(content, "X")


def without_experience(subject: Subject) -> Subject:
    """As a model that knows nothing of experience."""
    return dataclasses.replace(subject, contract=replace(subject.contract, experience=None), space=None)


def test_a_model_without_experience_learns_it_from_the_training_folds(far_run: Path, held_out: Dataset) -> None:
    subject = open_subject(far_run)
    fitted = evaluate.fit(without_experience(subject), held_out, DECIDE)
    assert fitted.notes == ()
    assert fitted.contract.experience.ranges == subject.contract.experience.ranges
    np.testing.assert_allclose(fitted.space.mean, subject.space.mean, rtol=1e-4, atol=1e-6)
    for new, old in zip(fitted.contract.experience.limits, subject.contract.experience.limits, strict=True):
        assert new.distance == pytest.approx(old.distance, rel=1e-3)


def test_decisions_only(far_run: Path, held_out: Dataset, small: Dataset) -> None:
    """No training folds, no features, or too few patients: the reason stands in the notes."""
    bare = without_experience(open_subject(far_run))
    folds = dataclasses.replace(held_out, fold=np.where(held_out.fold < 18, 19, held_out.fold))
    silent = dataclasses.replace(bare, features=None, outputs=lambda *inputs: (bare.outputs(*inputs)[0], None))
    cases = ((bare, folds, "no training folds"), (silent, held_out, "export it again"), (bare, small, "99 are needed"))
    for subject, data, reason in cases:
        fitted = evaluate.fit(subject, data, DECIDE)
        assert fitted.contract.experience is None
        assert fitted.space is None
        assert reason in fitted.notes[0]
        assert any(point.threshold for t in fitted.contract.targets for point in t.decision.points)
    evaluation, _ = evaluate.on_data_set(silent, held_out, DECIDE)
    assert reach.NO_FEATURES in evaluation.notes
    assert evaluation.outside is None


def test_a_validation_fold_of_one_class_is_refused(far_run: Path, held_out: Dataset) -> None:
    labels = held_out.labels.copy()
    rows = held_out.rows("validation")
    labels[rows] = np.where(np.isnan(labels[rows]), np.nan, 0)
    with pytest.raises(
        DatasetError, match=r"not one target has both classes there; potassium_high_now has 0 positives"
    ):
        evaluate.fit(open_subject(far_run), dataclasses.replace(held_out, labels=labels), DECIDE)


def at_a_site(subject: Subject, data: Dataset) -> Recalibrated:
    """Recalibrate on the test fold, as if it were a site's patients."""
    cases: Cases = on_dataset.ask(subject, data, "test", space=subject.space)
    answers = evaluate.in_every_setting(subject, data, "test", subject.space)
    return recalibrate.recalibrate(subject, cases, answers, RULE, 10, "0" * 64, "2026-01-01")


def test_a_site_gets_its_own_limits_and_keeps_the_mean(far_run: Path, held_out: Dataset) -> None:
    subject = open_subject(far_run)
    louder = dataclasses.replace(held_out, signals=np.asarray(held_out.signals) * 1.5)
    new = at_a_site(subject, louder)
    own, old = new.contract.experience, subject.contract.experience
    assert own.chosen_on == "the site's own patients"
    assert (own.ranges, own.features, own.trained_on) == (old.ranges, old.features, old.trained_on)
    assert own.limits != old.limits
    record = new.lineage.experience
    assert record.refitted
    assert record.outside_after < record.outside_before
    points = new.contract.targets[0].decision.points
    assert all(point.conformal is not None and point.conformal.coverage_positive for point in points)


def test_a_small_site_keeps_the_limits(far_run: Path, held_out: Dataset) -> None:
    subject = open_subject(far_run)
    patients = np.unique(held_out.patient_id[held_out.fold == 19])[:90]
    fold = np.where(np.isin(held_out.patient_id, patients), 19, 0)
    new = at_a_site(subject, dataclasses.replace(held_out, fold=fold))
    assert new.contract.experience == subject.contract.experience
    assert not new.lineage.experience.refitted
    assert new.lineage.experience.reason == reach.TOO_FEW_PATIENTS
