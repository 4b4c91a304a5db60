"""A miniature training run: it learns, repeats itself, and leaves a RUN folder that loads."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import pytest

from ecg2lab import contract as contracts
from ecg2lab.errors import DatasetError, OutputError
from ecg2lab_export.checkpoint.run_folder import read_run
from ecg2lab_export.network import cardiolab
from ecg2lab_export.precision import calibration
from ecg2lab_training.data import dataset, imputation
from ecg2lab_training.data.crops import Recordings, probabilities
from ecg2lab_training.fit import config, run_writer
from ecg2lab_training.fit.batches import Batches
from ecg2lab_training.fit.learner import Learner
from ecg2lab_training.fit.run import fit
from ecg2lab_training.fit.run_writer import Run
from ecg2lab_training.measures import curves
from ecg2lab_training.network.model import FusionModel
from ecg2lab_training.network.sizes import Sizes

pytestmark = pytest.mark.slow

FILES = ["contract.json", "logs", "metrics.csv", "model.safetensors", "run.json"]


@pytest.fixture(scope="module")
def run(patients: Path, tiny_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished miniature run."""
    out = tmp_path_factory.mktemp("runs") / "run"
    fit(config.read(str(tiny_config)), dataset.read(patients), out)
    return out


def history(folder: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv."""
    with (folder / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_loss_falls(run: Path) -> None:
    losses = [float(row["loss"]) for row in history(run)]
    assert [row["epoch"] for row in history(run)] == ["1", "2", "3"]
    assert losses[-1] < 0.9 * losses[0]


def test_run_folder_is_complete_and_loads(run: Path, patients: Path, tiny_config: Path) -> None:
    assert sorted(p.name for p in run.iterdir()) == FILES
    record = msgspec.json.decode((run / "run.json").read_bytes(), type=Run)
    assert record.synthetic_weights
    assert "simulated" in record.training_data
    assert "synthetic weights" in record.statement
    assert record.config == config.read(str(tiny_config))
    assert record.dataset_sha256 == dataset.read(patients).digest
    contract = contracts.read(run / "contract.json")
    assert contract.name == "tiny (simulated patients)"
    assert set(record.metrics.targets) == set(contract.target_names)
    network = cardiolab.read(run / "model.safetensors")
    assert (network.hidden, network.state_size, network.window) == (8, 4, 250)
    assert network.targets == len(contract.targets)


def test_calibration_windows_are_of_the_validation_fold(
    patients: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = dataset.read(patients)
    rows = data.rows("validation")
    monkeypatch.setattr(calibration, "FEWEST_WINDOWS", len(rows))
    for name in ("run", "again"):
        fit(config.read(str(tiny_config)), data, tmp_path / name)
    recorded = read_run(tmp_path / "run")
    assert recorded.calibration is not None
    windows = calibration.read(recorded.calibration, recorded.contract)
    assert windows.labels is not None
    np.testing.assert_array_equal(windows.labels, data.labels[rows])
    np.testing.assert_array_equal(windows.signal, data.signals[rows][:, :, :250])
    again = read_run(tmp_path / "again").calibration
    assert again is not None
    assert again.read_bytes() == recorded.calibration.read_bytes()


def test_a_small_validation_fold_leaves_no_calibration_windows(run: Path) -> None:
    assert read_run(run).calibration is None


def test_no_more_calibration_windows_than_needed(patients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = Recordings(dataset.read(patients), "validation")
    monkeypatch.setattr(run_writer, "_CALIBRATION_WINDOWS", 3)
    chosen = run_writer._calibration_set(recordings)
    assert chosen.labels is not None
    last = len(recordings) - 1
    np.testing.assert_array_equal(chosen.labels, recordings.labels[[0, round(last / 2), last]])


def test_contract_has_medians_and_thresholds_of_the_right_folds(run: Path, patients: Path) -> None:
    contract, data = contracts.read(run / "contract.json"), dataset.read(patients)
    learned = imputation.learn(data)
    assert contract.continuous == learned.continuous
    assert contract.categorical == learned.categorical
    assert None not in {f.median for f in contract.continuous}
    labels = data.labels[data.rows("validation")]
    for target, known in zip(contract.targets, labels.T, strict=True):
        both = {0.0, 1.0} <= set(known.tolist())
        assert (target.calibration is not None) == both
        assert target.decision_threshold is None
        assert target.decision is not None
        assert both or all(point.threshold is None for point in target.decision.points)


def test_stated_auroc_is_that_of_the_saved_weights(run: Path, patients: Path) -> None:
    data = dataset.read(patients)
    record = msgspec.json.decode((run / "run.json").read_bytes(), type=Run)
    model = FusionModel.from_network(cardiolab.read(run / "model.safetensors"))
    for part, stated in (
        ("validation", record.metrics.macro_auroc_validation),
        ("test", record.metrics.macro_auroc_test),
    ):
        recordings = Recordings(data, part)  # type: ignore[arg-type]
        areas = curves.per_target(probabilities(model, recordings), recordings.labels)
        assert stated == pytest.approx(curves.macro(areas), abs=1e-4)
    best = max(float(row["macro_auroc_validation"]) for row in history(run))
    assert record.metrics.macro_auroc_validation == pytest.approx(best, abs=1e-4)


def test_same_seed_same_weights(run: Path, patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "again")
    for name in set(FILES) - {"logs"}:
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes(), name


def test_progress_counts_every_step(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    fit(
        config.read(str(tiny_config)),
        dataset.read(patients),
        tmp_path / "run",
        lambda done, total, _: told.append((done, total)),
    )
    steps = 3 * 6  # 108 training patients in batches of 16; what is left is no batch
    assert told == [(step + 1, steps) for step in range(steps)]


def test_taken_run_folder_is_refused_before_training(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").touch()
    with pytest.raises(OutputError, match="is not empty"):
        fit(config.read(str(tiny_config)), dataset.read(patients), tmp_path / "run")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["old"]


def test_data_set_without_a_test_fold_is_refused_and_nothing_is_left(
    patients: Path, tiny_config: Path, tmp_path: Path
) -> None:
    data = dataset.read(patients)
    untested = dataclasses.replace(data, fold=np.minimum(data.fold, 18))
    with pytest.raises(DatasetError, match="at least 20 patients"):
        fit(config.read(str(tiny_config)), untested, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("batch_size", "devices", "message"),
    [(109, 1, "108 records, fewer than one batch of 109"), (3, 2, "3 is too small for 2 devices")],
)
def test_batches_that_cannot_be_filled(
    batch_size: int, devices: int, message: str, patients: Path, tiny_config: Path, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(config.read(str(tiny_config)), batch_size=batch_size)
    with pytest.raises(DatasetError, match=message):
        fit(settings, dataset.read(patients), tmp_path / "run", devices=devices)
    assert list(tmp_path.iterdir()) == []


def test_an_epoch_has_whole_batches_of_records_that_occur_once(patients: Path) -> None:
    batches = Batches(Recordings(dataset.read(patients), "train"), 16, seed=0)
    assert batches.steps == 108 // 16
    assert [len(step.batch.labels) for step in batches.epoch(0)] == [16] * 6


@pytest.mark.parametrize(("schedule", "shares"), [("constant", (1, 1, 1, 1)), ("cosine", (1, 3 / 4, 1 / 2, 0))])
def test_the_learning_rate_follows_its_schedule(
    schedule: Literal["constant", "cosine"], shares: tuple[float, ...], patients: Path, tiny_config: Path
) -> None:
    """At the begin, after a third, at half and at the end of a run."""
    settings = msgspec.structs.replace(config.read(str(tiny_config)), schedule=schedule)
    model = FusionModel(Sizes(targets=3, hidden=8, state=4, layers=1, static_widths=(4,), static_dropout=(0,)))
    learner = Learner(model, settings, Recordings(dataset.read(patients), "validation"))
    optimiser = learner.configure_optimizers()
    for done, share in zip((0, 1 / 3, 1 / 2, 1), shares, strict=True):
        learner.set_rate(done)
        assert [group["lr"] for group in optimiser.param_groups] == [pytest.approx(share * settings.learning_rate)]


def test_each_step_of_a_run_has_its_learning_rate(
    patients: Path, tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(config.read(str(tiny_config)), schedule="cosine")
    places: list[float] = []
    set_rate = Learner.set_rate
    monkeypatch.setattr(Learner, "set_rate", lambda own, done: (places.append(done), set_rate(own, done)))
    fit(settings, dataset.read(patients), tmp_path / "run")
    assert places == [step / 18 for step in range(18)]  # three epochs of six


def test_divergence_is_named_and_nothing_is_left(patients: Path, tiny_config: Path, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(config.read(str(tiny_config)), learning_rate=1e30)
    with pytest.raises(DatasetError, match="lower learning_rate"):
        fit(settings, dataset.read(patients), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_probabilities_are_the_mean_over_four_windows(patients: Path) -> None:
    data = dataset.read(patients)
    recordings = Recordings(data, "test")
    model = FusionModel(Sizes(targets=3, hidden=8, state=4, layers=1, static_widths=(4,), static_dropout=(0,)))
    found = probabilities(model, recordings, batch_size=4)  # 6 records: the last batch is not full
    network = model.to_network()
    continuous, categorical = imputation.fill(data, imputation.learn(data))
    rows = data.rows("test")
    windows = [data.signals[rows][:, :, s : s + 250] for s in (0, 250, 500, 750)]
    logits = [network.logits(w, continuous[rows], categorical[rows]) for w in windows]
    expected = np.mean([1 / (1 + np.exp(-x)) for x in logits], axis=0)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_crops_are_windows_of_their_own_recording(patients: Path) -> None:
    data = dataset.read(patients)
    recordings = Recordings(data, "train")
    starts = np.array([0, 33, 750])
    batch = recordings.crops(np.array([5, 0, 9]), starts)
    for crop, index, start in zip(batch.signal.numpy(), (5, 0, 9), starts, strict=True):
        np.testing.assert_array_equal(crop, data.signals[recordings.rows[index]][:, start : start + 250])
    assert recordings.last_start == 750


class TestConfig:
    """Configurations are strict."""

    def test_packaged(self) -> None:
        assert config.packaged() == ("demo", "paper", "small")
        paper = config.read("paper")
        assert paper == config.Config(name=paper.name)  # the defaults are the published values
        assert (paper.model.hidden, paper.model.state, paper.model.layers) == (512, 8, 4)
        assert (paper.model.embedding_widths, paper.model.static_widths) == ((16, 32), (128, 128, 128))
        assert (paper.model.dropout, paper.model.static_dropout) == (0.2, (0.25, 0.25, 0.5))
        assert (paper.epochs, paper.batch_size, paper.learning_rate, paper.weight_decay) == (40, 32, 1e-3, 1e-3)
        assert paper.schedule == "constant"
        assert (paper.focal_gamma, paper.missing_flags, paper.inputs) == (2, None, "fusion")
        assert config.read("demo").model.hidden <= 64

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"epoch": 3}, "unknown field `epoch`"),
            ({"model": {"heads": 8}}, "unknown field `heads`"),
            ({"epochs": 0}, "epochs"),
            ({"epochs": "many"}, "epochs"),
            ({"model": {"state": 3}}, "state"),
            ({"model": {"dropout": 1.0}}, "dropout"),
            ({"model": {"static_dropout": [0.25, 0.25]}}, "2 rates for the 3 layers of static_widths"),
            ({"model": {"static_dropout": [0.25, 0.25, 1.0]}}, "static_dropout"),
            ({"schema_version": 2}, "schema_version"),
        ],
    )
    def test_nonsense(self, tiny_config: Path, change: dict[str, object], message: str) -> None:
        content = json.loads(tiny_config.read_text()) | change
        with pytest.raises(DatasetError, match=message):
            config.decode(json.dumps(content).encode())

    def test_not_json(self) -> None:
        with pytest.raises(DatasetError, match="not a valid training configuration"):
            config.decode(b"epochs: 3")

    def test_unknown_name_lists_the_packaged_ones(self) -> None:
        with pytest.raises(DatasetError, match=r"cannot read configuration demos.*demo, paper"):
            config.read("demos")

    def test_another_number_of_embeddings_than_categories(
        self, patients: Path, tiny_config: Path, tmp_path: Path
    ) -> None:
        content = json.loads(tiny_config.read_text())
        content["model"]["embedding_widths"] = [4]
        settings = config.decode(json.dumps(content).encode())
        with pytest.raises(DatasetError, match="embedding_widths names 1, but the data set has 2 categories"):
            fit(settings, dataset.read(patients), tmp_path / "run")
