"""Checkpoint in, bundle out: the stages, in their order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from ecg2lab import bundle as bundles
from ecg2lab.backends import Request
from ecg2lab.contract import Contract
from ecg2lab.errors import BackendError, CheckpointError, OutputError
from ecg2lab.proof.parity import ParityReport
from ecg2lab.system import cpu
from ecg2lab_export import assembly, experience, source
from ecg2lab_export.precision import gate, strategy
from ecg2lab_export.precision.auroc_loss import LARGEST_AUROC_LOSS
from ecg2lab_export.proof import proving
from ecg2lab_export.proof.golden import make_golden

Tell = Callable[[str], None]
"""Told what is being done."""


def export(
    checkpoint: str | Path,
    out: str | Path,
    contract: Contract | str | Path | None = None,
    precision: str = "fp32",
    form: str | None = None,
    synthetic_weights: bool | None = None,
    calibration_set: str | Path | None = None,
    max_auroc_loss: float = LARGEST_AUROC_LOSS,
    evaluation: str | Path | None = None,
    tell: Tell | None = None,
    allow_software: bool = False,
) -> ParityReport:
    """Turn a checkpoint into a bundle, and prove it.

    Parameters
    ----------
    checkpoint
        A Lightning checkpoint of the authors (CardioLab), safetensors in the same key names, or the folder of a
        training run.
    out
        The bundle to write, `X.ecg2lab`.
    contract
        What inputs and outputs mean. Without it, that of the run; for a bare checkpoint the published inputs without
        medians and targets `target_000 …`.
    precision
        Of the dense products: fp32, or one that must pass its gate.
    form
        Of the window graph: of the published network "spectral" or "recurrent", for its convolutions; None: the fastest
        whose proof passes.
    synthetic_weights
        Whether the weights are random or trained on simulated patients, where the checkpoint cannot tell.
    calibration_set
        Windows, perhaps with labels, on which reduced precisions are measured (`calibration.read`); None: those of the
        run, else generated ones.
    max_auroc_loss
        That a reduced precision may cost any target.
    evaluation
        Report of `ecg2lab evaluate` on these weights, whose model card the bundle will carry.
    tell
        Told each stage of the work.
    allow_software
        Whether the proof on WebGPU, which a machine with a GPU adds, may come from a software adapter.

    Returns
    -------
    ParityReport
        The proof, as the bundle carries it.

    Raises
    ------
    CheckpointError, ContractError, DatasetError, BackendError, ParityError, OutputError
        Nothing is written.
    """
    tell = tell or (lambda _: None)
    reach = strategy.of(precision)
    cpu.require(precision)
    if not 0 <= max_auroc_loss <= 1:
        raise CheckpointError(f"the largest AUROC loss must be between 0 and 1, not {max_auroc_loss:g}")
    tell("reading the checkpoint")
    exported = source.open_source(checkpoint, contract, synthetic_weights)
    _refuse_overwriting(out, exported.weights, contract, calibration_set)
    windows = exported.calibration(calibration_set)
    evaluated = None if evaluation is None else source.read_card(Path(evaluation), exported.weights_sha256)
    with np.errstate(all="ignore"):  # what overflows is not finite, and no proof passes it
        tell("realising the network")
        forms = exported.architecture.realise(exported.network)
        if exported.space is not None:
            experience.require_features(exported.space, forms.shape.get("features"))
        if form is not None and form not in forms.window_forms:
            raise BackendError(f"form {form!r} is not available; one of {', '.join(forms.window_forms)}")
        golden = make_golden(exported.network, exported.contract)
        proved = proving.prove_fastest(forms, form, golden, tell)
        decide = partial(
            gate.decide,
            data=windows,
            contract=exported.contract,
            space=exported.space,
            limit=max_auroc_loss,
            tell=tell,
        )
        reached = reach(proved, forms, decide)
        request = Request(allow_software=allow_software, tell=tell)
        reached = reached._replace(report=proving.by_gpu(reached.report, reached.graphs, golden, request))
    tell("writing the bundle")
    bundles.write(out, *assembly.assemble(exported, forms, reached, golden, evaluated))
    return reached.report


def _refuse_overwriting(out: str | Path, *inputs: object) -> None:
    for path in inputs:
        both = isinstance(path, (str, Path)) and Path(path).exists() and Path(out).exists()
        if both and Path(str(path)).samefile(out):
            raise OutputError(f"{out} is an input of this export; name another file for the bundle")
