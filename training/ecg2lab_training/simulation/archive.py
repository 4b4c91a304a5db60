"""A whole data set of simulated patients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecg2lab.errors import DatasetError
from ecg2lab_training.dataset_writer import write_dataset
from ecg2lab_training.folders import require_free
from ecg2lab_training.progress import Progress, silent
from ecg2lab_training.simulation import electrocardiogram, targets
from ecg2lab_training.simulation.patient import Patient, simulate_patient

DESCRIPTION = (
    "{patients} simulated patients (seed {seed}), one 10-s 12-lead ECG each, from a dipole model driven by "
    "planted physiology. Synthetic: nothing in it was measured on a person."
)


def simulate(path: str | Path, patients: int, seed: int, progress: Progress = silent) -> None:
    """Write a data set of simulated patients.

    Parameters
    ----------
    path
        A new or empty folder.
    patients
        How many; at least one. Training needs at least 20, one for every fold.
    seed
        The same seed gives the same bytes, and patient i is the same whatever the number of patients.
    progress
        Told after each patient.

    Raises
    ------
    OutputError
        If the folder is taken.
    DatasetError
        If there are no patients to simulate.
    """
    check(path, patients, seed)
    contract = targets.contract()
    samples = round(electrocardiogram.DURATION * contract.signal.sampling_rate_hz)
    text = DESCRIPTION.format(patients=patients, seed=seed)
    with write_dataset(path, contract, patients, samples, synthetic=True, description=text, seed=seed) as writer:
        for index in range(patients):
            patient = simulate_patient(seed, index)
            writer.add(_prepare(patient), _row(patient))
            progress(index + 1, patients, "patients")


def check(path: str | Path, patients: int, seed: int) -> None:
    """Refuse what `simulate` would refuse, before anything is done.

    Raises
    ------
    DatasetError, OutputError
        As `simulate`.
    """
    if patients < 1:
        raise DatasetError(f"{patients} patients: ask for at least 1 (training needs at least 20)")
    if seed < 0:
        raise DatasetError(f"seed {seed}: a seed is not negative")
    require_free(path)


def _prepare(patient: Patient) -> Any:
    import ecg2lab

    return ecg2lab.preprocess(
        patient.samples,
        fs=electrocardiogram.SAMPLING_RATE,
        leads=list(electrocardiogram.LEADS),
        unit="mV",
    )


def _row(patient: Patient) -> dict[str, Any]:
    return {
        "patient_id": patient.index + 1,
        "fold": patient.fold,
        **patient.features,
        **patient.labels,
    }
