"""Options of `ecg2lab evaluate`, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import msgspec

from ecg2lab.contract import Contract
from ecg2lab.errors import DatasetError
from ecg2lab.system.files import read_regular
from ecg2lab_training.evaluation.evaluate import Wishes
from ecg2lab_training.measures import operating_points
from ecg2lab_training.measures.bootstrap import Unit


def is_table(data: Path, labs: Path | None, rule: str | None, recalibrate: bool) -> bool:
    """Whether the data are a site's own table; else they are a data set.

    Raises
    ------
    DatasetError
        If an option belongs to the other kind.
    """
    if data.is_dir():
        if labs is not None or recalibrate:
            raise DatasetError("--labs and --recalibrate belong to a table of own recordings, not to a data set")
        return False
    if rule is not None and not recalibrate:
        raise DatasetError(
            "thresholds are not chosen on the recordings that judge them; with --recalibrate, --decide says how the "
            "new contract's are chosen"
        )
    return True


def wishes(
    contract: Contract,
    bootstrap: str,
    rounds: int,
    seed: int,
    rule: str | None,
    least_cases: int,
    prevalence: Sequence[str],
) -> Wishes:
    """Check what the user asked for.

    Raises
    ------
    DatasetError
        Naming the option that is wrong.
    """
    if bootstrap not in get_args(Unit):
        raise DatasetError(f"bootstrap {bootstrap!r} is not known; give patients, or paper to draw single ECGs")
    parsed = None if rule is None else operating_points.parse(rule)
    return Wishes(cast("Unit", bootstrap), rounds, seed, parsed, least_cases, prevalences(contract, prevalence))


def prevalences(contract: Contract, stated: Sequence[str]) -> dict[str, float]:
    """Read `TARGET=0.1` and JSON files of such; the last one counts.

    Raises
    ------
    DatasetError
        If one is neither, names a target that the model does not have, or is not between 0 and 1.
    """
    shares: dict[str, float] = {}
    for text in stated:
        shares |= _file(Path(text)) if text.endswith(".json") else _pair(text)
    for name, share in shares.items():
        if name not in contract.target_names:
            raise DatasetError(f"prevalence of {name!r}: the model has no such target (`ecg2lab inspect` lists all)")
        if not 0 < share < 1:
            raise DatasetError(f"prevalence of {name!r} must lie between 0 and 1, not be {share:g}")
    return shares


def _pair(text: str) -> dict[str, float]:
    name, _, number = text.partition("=")
    try:
        return {name: float(number)}
    except ValueError:
        raise DatasetError(f"prevalence {text!r} is not TARGET=0.1, nor a .json file") from None


def _file(path: Path) -> dict[str, float]:
    try:
        return msgspec.json.decode(read_regular(path), type=dict[str, float])
    except OSError as error:
        raise DatasetError(f"cannot read prevalences from {path}: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise DatasetError(f"{path} must be one JSON object of targets and prevalences: {error}") from None
