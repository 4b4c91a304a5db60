"""What a whole report costs: `python tests/training/evaluation/many_targets.py [ECGS [TARGETS]]`, on random answers."""

from __future__ import annotations

import dataclasses
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from ecg2lab import contract as contracts
from ecg2lab.contract import Calibration, Contract, Criterion
from ecg2lab.contract.claims import ConformalSet, Decision, Measured, OperatingPoint
from ecg2lab_training.evaluation import evaluate, last_values
from ecg2lab_training.evaluation.assess import Beside
from ecg2lab_training.evaluation.cases import Cases
from ecg2lab_training.evaluation.evaluate import Wishes
from ecg2lab_training.evaluation.result import Data, Evaluation
from ecg2lab_training.evaluation.subject import Subject
from ecg2lab_training.measures.platt import sigmoid

RACES = (0.04, 0.19, 0.06, 0.07, 0.64)


def random_contract(targets: int, threshold: float | None = 0.3) -> Contract:
    """Published inputs; calibrations that are right for `random_cases`; with a threshold its conformal set."""
    calibration = Calibration(slope=0.8, intercept=0.1)
    decision = None if threshold is None else _decision(threshold)
    named = (
        replace(target, calibration=calibration, decision=decision) for target in contracts.unnamed_targets(targets)
    )
    return contracts.published(named, "random answers")


def _decision(threshold: float) -> Decision:
    """With all facts and windows; its figures are invented."""
    share = Measured(value=0.9, low=0.85, high=0.95)
    point = OperatingPoint(
        windows=4,
        facts="all",
        most_missing=12,
        threshold=threshold,
        patients=900,
        positives=200,
        negatives=700,
        prevalence=0.2,
        sensitivity=share,
        specificity=share,
        conformal=ConformalSet(error=0.1, positive_from=threshold / 2, negative_to=threshold),
    )
    return Decision(rule="none of these", chosen_on="nobody", measured_on="nobody", points=(point,))


def random_cases(ecgs: int, targets: int, seed: int = 0) -> Cases:
    """Two ECGs of a patient; calibrated probabilities are right; prevalences 1 to 40 %, labels known of 20 to 90 %."""
    rng = np.random.default_rng(seed)
    contract = random_contract(targets)
    calibrated = rng.normal(size=(ecgs, targets)) + np.linspace(-4.8, -0.6, targets)
    labels = (rng.random(calibrated.shape) < sigmoid(calibrated)).astype(np.float32)
    labels[rng.random(labels.shape) > rng.permutation(np.linspace(0.2, 0.9, targets))] = np.nan
    p = sigmoid((calibrated - 0.1) / 0.8)
    patient = np.arange(ecgs) // 2
    continuous = rng.uniform(20, 90, (ecgs, len(contract.continuous)))
    continuous[rng.random(continuous.shape) < 0.2] = np.nan
    sex, race = rng.integers(0, 2, ecgs), rng.choice(5, ecgs, p=RACES)
    return Cases(
        windows=np.repeat(p[:, None], 4, axis=1),
        labels=labels,
        patient_id=patient,
        continuous=continuous,
        categorical=np.stack([sex, race], axis=1)[patient],
    )


def with_last_values(cases: Cases, contract: Contract, seed: int = 1) -> tuple[Cases, Contract]:
    """The same where three targets in four are forecasts, and a last value is known of 80 % of the recordings.

    It lies on the side of the label, less often the older it is.
    """
    rng = np.random.default_rng(seed)
    moments = [("forecasting", 30), ("forecasting", 60), ("forecasting", 120), ("prediction", 60)]
    asked = enumerate(moments[n % 4] for n in range(len(contract.targets)))
    limit: dict[str, Any] = {"loinc": None, "unit": "mg/dL", "comparison": ">", "threshold": 2.0}
    criteria = [Criterion(lab=f"lab {n // 4}", setting=own, horizon_min=within, **limit) for n, (own, within) in asked]
    targets = tuple(replace(t, criterion=c) for t, c in zip(contract.targets, criteria, strict=True))
    shape = (-(-len(criteria) // 4), len(cases.labels))
    value, minutes = 1.5 + rng.normal(size=shape), rng.exponential(600, shape) + 1
    value += np.nan_to_num(cases.labels[:, ::4].T) * np.exp(-minutes / 1000)
    unknown = rng.random(shape) < 0.2
    value[unknown] = minutes[unknown] = np.nan
    last = last_values.seen(value, minutes, criteria, [n // 4 for n in range(len(criteria))])
    return dataclasses.replace(cases, last=last), replace(contract, targets=targets)


def judge(cases: Cases, contract: Contract, rounds: int = 1000) -> Evaluation:
    """The evaluation of answers that no model gave."""
    subject = Subject("run", contract, lambda *_: np.zeros(0), "0" * 64, "0" * 64, None, None)
    data = Data(
        kind="data set",
        description="random answers",
        synthetic=True,
        sha256="0" * 64,
        part="test fold",
        records=len(cases.labels),
        patients=cases.patients,
    )
    settings = Wishes(rounds=rounds).settings("of the model's contract")
    return evaluate.judge(subject, contract, cases, data=data, settings=settings, beside=Beside(), training=None)


def main(ecgs: int = 40_000, targets: int = 204) -> None:
    """Judge, write, and print what it took."""
    cases, contract = with_last_values(random_cases(ecgs, targets), random_contract(targets))
    start, work = time.perf_counter(), time.process_time()
    evaluation = judge(cases, contract)
    judged = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        evaluate.write(Path(folder) / "report", evaluation, cases)
        sizes = {path.name: f"{path.stat().st_size / 1e6:.1f} MB" for path in (Path(folder) / "report").iterdir()}
    end = time.perf_counter()
    print(f"{targets} targets, {ecgs} ECGs: {judged - start:.0f} s, the files {end - judged:.0f} s more")  # noqa: T201
    print(f"processor time {time.process_time() - work:.0f} s")  # noqa: T201
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB; {sizes}")  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
