"""Normal ECGs of a generator that others trained: `deepfake-ecg` (MIT).

Thambawita et al., Scientific Reports 2021, doi 10.1038/s41598-021-01295-2. Run by the Python of an environment of its
own, which `make build/normals` sets up: it needs PyTorch, which it does not declare. Eight leads at 500 Hz; its unit is
not stated, and its amplitudes are those of microvolt.
"""

import sys
from pathlib import Path


def main() -> None:
    """Write COUNT ECGs into FOLDER, `N.asc` each: a row a sample, a column a lead."""
    import deepfakeecg  # type: ignore[import-not-found, unused-ignore]
    import torch

    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    deepfakeecg.generate(count, str(folder))


if __name__ == "__main__":
    main()
