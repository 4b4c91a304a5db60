"""What others decode from a file is what we read, sample by sample in millivolt.

A decoder that is not installed is skipped by its name: `wfdb`, `pydicom`, `edfio` and `ecgdatakit` are of the extra
`test`; `python -m ecg2lab_bench.experiments decoders` asks more of them, of any file.
"""

import binary_files
import edfio
import numpy as np
import pydicom
import pytest
import wfdb
import wfdb_files
from forms import FORMS
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

import ecg2lab
from ecg2lab.recording.leads import STANDARD
from ecg2lab_bench.experiments import decoders
from ecg2lab_bench.experiments.other_decoders import DECODERS, installed

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
OF_THE_EXTRA = ("pydicom", "edfio", "ecgdatakit")
NOT_READ = [("ecgdatakit", "BDF")]
SUFFIXES = {"EDF": ".edf", "BDF": ".bdf", "DICOM": ".dcm", "SCP": ".scp", "ISHNE": ".ecg", "MFER": ".mwf"}
DOUBLE_MV = 1e-12
"""Two doubles of a few millivolt, scaled in another order."""


def kind(form):
    return form.split(",")[0].removesuffix("+")


def same(path, package, leads=12, samples=None):
    """Ours, after it was held to another's."""
    if installed(package) is None:
        pytest.skip(f"{package} is not installed")
    ours = ecg2lab.read(path)
    one = decoders.compare(path, package, ours)
    assert (one.refusal, one.leads) == (None, leads)
    assert one.samples == (ours.samples.size if samples is None else samples)
    assert one.largest_mv <= DOUBLE_MV
    assert [note for note in one.notes if "only" in note or "missing here" in note or "Hz here" in note] == []
    return ours


@pytest.mark.parametrize(
    ("package", "form"),
    [
        (package, form)
        for package, decoder in DECODERS.items()
        for form in FORMS
        if package in OF_THE_EXTRA
        and (package, form) not in NOT_READ
        and kind(form).casefold().replace("bdf", "edf") in decoder.formats
    ],
)
def test_every_form_that_is_written(ecg, tmp_path, package, form):
    path = tmp_path / f"recording{SUFFIXES.get(kind(form), '.xml')}"
    path.write_bytes(FORMS[form][0](ecg))
    same(path, package)


# By the storage format: the counts of a millivolt that fit its bits.
STORAGE = {8: 40, 16: 1000, 24: 100_000, 32: 1_000_000, 61: 1000, 80: 40, 160: 1000, 212: 500, 310: 150, 311: 150}


def counts_of(clean, gain, most=2**31):
    return np.clip(np.round(clean * gain), -most, most).astype(np.int64) + 5


@pytest.mark.parametrize("storage", STORAGE)
def test_wfdb_every_storage_format(clean, tmp_path, storage):
    gain = STORAGE[storage]
    counts = counts_of(clean, gain, {8: 60, 80: 120, 310: 500, 311: 500}.get(storage, 2**31))
    if storage in wfdb_files.MISSING:
        counts[3, 100:160] = counts[:, 4000] = wfdb_files.MISSING[storage]
    path = wfdb_files.record(tmp_path, counts, storage, STANDARD, gain)
    present = 60_000 if storage == 8 else 60_000 - 60 - 12
    ours = same(path, "wfdb", samples=present)
    assert np.count_nonzero(~np.isnan(ours.samples)) == present


@pytest.mark.parametrize("form", ["16", "24", "32", "80", "212", "508", "516", "524"])
def test_wfdb_as_its_own_library_writes(clean, tmp_path, form):
    """FLAC has at most eight channels."""
    wfdb.wrsamp("record", fs=500, units=["mV"] * 8, sig_name=list(EIGHT), fmt=[form] * 8, write_dir=str(tmp_path),
                p_signal=clean[[STANDARD.index(lead) for lead in EIGHT]].T)  # fmt: skip
    same(tmp_path / "record.hea", "wfdb", leads=8)


@pytest.mark.parametrize("storage", [8, 16, 212, 310])
def test_wfdb_frames_of_several_samples(clean, tmp_path, storage):
    counts = counts_of(clean[:, :4998], 40, 60)
    same(wfdb_files.record(tmp_path, counts, storage, STANDARD, 40, frames=[3] * 12), "wfdb")


def test_wfdb_frames_of_which_other_signals_have_another_number(clean, tmp_path):
    counts = [*counts_of(clean, 1000), np.arange(2500), np.arange(10_000)]
    names, frames = [*STANDARD, "RESP", "PLETH"], [2] * 12 + [1, 4]
    same(wfdb_files.record(tmp_path, counts, 16, names, frames=frames), "wfdb")


@pytest.mark.parametrize("storage", [16, 24, 212])
def test_wfdb_skewed_signals(clean, tmp_path, storage):
    """All by as much, which is what the library can read."""
    skews = [0] * 6 + [10] * 6
    path = wfdb_files.record(tmp_path, counts_of(clean, 40, 60), storage, STANDARD, 40, skews=skews)
    same(path, "wfdb", samples=60_000 - sum(skews))


def segmented(folder, lines, length):
    (folder / "whole.hea").write_text(f"whole/{len(lines)} 12 500 {length}\n" + "".join(f"{line}\n" for line in lines))
    return folder / "whole.hea"


def test_wfdb_segments_of_a_fixed_layout(clean, tmp_path):
    """Gains and formats differ from one to the next."""
    parts = {"a": (0, 1000, 16, 1000), "b": (1000, 3500, 212, 500), "c": (3500, 5000, 61, 200)}
    for name, (start, end, storage, gain) in parts.items():
        wfdb_files.record(tmp_path, counts_of(clean[:, start:end], gain), storage, STANDARD, gain, name)
    path = segmented(tmp_path, [f"{name} {end - start}" for name, (start, end, *_) in parts.items()], 5000)
    ours = same(path, "wfdb")
    np.testing.assert_allclose(ours.samples, clean, rtol=0, atol=0.5 / 200 + 1e-9)


def test_wfdb_segments_of_a_variable_layout(clean, tmp_path):
    """Each has some of the signals, in an order of its own; between two of them lies a gap."""
    order = (7, 1, 0, 11, 2, 3, 4, 5, 6, 8, 9, 10)
    for name, start, end, rows, gain in (("a", 0, 2000, range(12), 1000), ("b", 2500, 5000, order[:11], 400)):
        names = [STANDARD[row] for row in rows]
        wfdb_files.record(tmp_path, counts_of(clean[list(rows), start:end], gain), 16, names, gain, name)
    lines = [f"~ 0 1000(5)/mV 16 0 0 0 0 {lead}" for lead in STANDARD]
    (tmp_path / "layout.hea").write_text("layout 12 500 0\n" + "\n".join(lines) + "\n")
    path = segmented(tmp_path, ["layout 0", "a 2000", "~ 500", "b 2500"], 5000)
    ours = same(path, "wfdb", samples=12 * 2000 + 11 * 2500)
    missing = STANDARD[order[11]]
    assert ours.notes[0] == f"{missing} ends 6 s early: missing behind"


TRANSFERS = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}


@pytest.mark.parametrize("package", ["pydicom", "ecgdatakit"])
@pytest.mark.parametrize("syntax", TRANSFERS)
def test_dicom_every_transfer_syntax(clean, ecg, tmp_path, syntax, package):
    dataset = binary_files.dicom_dataset(ecg, sensitivity=2.5)
    dataset.file_meta.TransferSyntaxUID = TRANSFERS[syntax]
    if syntax == "big-endian":  # its samples, too
        for group in dataset.WaveformSequence:
            group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    path = tmp_path / "recording.dcm"
    path.write_bytes(binary_files.dicom_bytes(dataset))
    ours = same(path, package)
    np.testing.assert_allclose(ours.samples, clean, rtol=0, atol=1.25e-3 + 1e-9)


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
@pytest.mark.parametrize("start", ["without preamble", "without file meta information"])
def test_dicom_without_preamble(ecg, tmp_path, start, syntax):
    path = tmp_path / "recording.dcm"
    dataset = binary_files.dicom_dataset(ecg)
    if start == "without preamble":
        dataset.file_meta.TransferSyntaxUID = TRANSFERS[syntax]
        path.write_bytes(binary_files.dicom_bytes(dataset)[132:])
    else:
        bare = pydicom.Dataset(dataset)
        bare.save_as(path, implicit_vr=syntax == "implicit", little_endian=True)
    same(path, "pydicom")


@pytest.mark.parametrize(("kind", "seconds"), [("edf", 0.1), ("edf", 5), ("bdf", 0.5), ("bdf", 10)])
def test_edf_records_of_other_durations(ecg, tmp_path, kind, seconds):
    """Beside signals of another rate, which come first, and annotations."""
    edf, signal, half = {"edf": (edfio.Edf, edfio.EdfSignal, 2**15), "bdf": (edfio.Bdf, edfio.BdfSignal, 2**23)}[kind]
    limits = {"physical_range": (-8, 8), "digital_range": (-half, half - 1)}
    signals = [signal(np.sin(np.arange(200)), 20, label="Resp", physical_dimension="mV", **limits)]
    signals += [
        signal(row, 500, label=lead, physical_dimension="mV", **limits)
        for row, lead in zip(ecg.samples, ecg.leads, strict=True)
    ]
    annotations = [edfio.EdfAnnotation(1.0, None, "beat")]
    path = tmp_path / f"recording.{kind}"
    edf(signals, annotations=annotations, data_record_duration=seconds).write(path)
    same(path, "edfio")
