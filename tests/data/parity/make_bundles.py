"""Export the parity checkpoints for the SDK's tests, which have no export: run it, without arguments."""

from pathlib import Path

from ecg2lab import contract as contracts
from ecg2lab_export import export

HERE = Path(__file__).parent
NAMES = ("bidirectional-small", "causal-small")


def make(out):
    """Each with the contract into `out`, and the first without one."""
    contract = contracts.read(HERE / "contract.json")
    for name in NAMES:
        export(HERE / name / "checkpoint.ckpt", out / f"{name}.ecg2lab", contract=contract, synthetic_weights=True)
    export(HERE / NAMES[0] / "checkpoint.ckpt", out / "bare-small.ecg2lab")


if __name__ == "__main__":
    make(HERE)
