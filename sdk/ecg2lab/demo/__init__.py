"""The packaged model and ECG that `ecg2lab demo` shows: synthetic weights, a real recording (see ATTRIBUTION.md)."""

from pathlib import Path

_HERE = Path(__file__).parent
RECORD_CREDIT = (
    "PTB-XL (record HR06003 of the PhysioNet/CinC Challenge 2021), Wagner et al. 2020, "
    "doi 10.1038/s41597-020-0495-6, CC BY 4.0"
)


def bundle_path() -> Path:
    """The demo bundle."""
    return _HERE / "demo.ecg2lab"


def record_path() -> Path:
    """The WFDB header of the demo recording."""
    return _HERE / "HR06003.hea"
