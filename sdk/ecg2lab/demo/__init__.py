"""The packaged model and ECG that `ecg2lab demo` shows: synthetic weights, a real recording (see ATTRIBUTION.md)."""

from pathlib import Path

from ecg2lab.errors import OutputError
from ecg2lab.system.files import require_folder, write_atomically

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


def write_files(folder: Path) -> list[Path]:
    """Write `model.ecg2lab` and the record `record.hea`, `record.mat` into a folder, to try commands on.

    Raises
    ------
    OutputError
        If other files of these names are there, or the folder cannot be written to.
    """
    require_folder(folder)
    header = record_path()
    contents = {
        "model.ecg2lab": bundle_path().read_bytes(),
        "record.hea": f"{header.read_text().replace(header.stem, 'record')}# ECG: {RECORD_CREDIT}\n".encode(),
        "record.mat": header.with_suffix(".mat").read_bytes(),
    }
    for name, content in contents.items():
        path = folder / name
        if path.exists() and not (path.is_file() and path.read_bytes() == content):
            raise OutputError(f"{path} is another file, which would be lost; name a folder without it")
    return [write_atomically(folder / name, content) for name, content in contents.items()]
