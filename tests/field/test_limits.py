"""What reading a file may cost: four times the file beside the samples, and nothing for what is merely announced.

`tracemalloc` sees what Python and NumPy allocate. The core's decoders hold one lead at a time: codes of SCP and Philips
as 16-bit samples, texts as doubles. Two hold all leads as doubles, Philips' plain text and CSV: no more than the file
where a number takes eight characters, and four times the file where it takes two.
"""

import gzip
import tracemalloc

import binary_files
import numpy as np
import pytest
import text_files
import wfdb
import wfdb_files
from ecg import Ecg
from forms import FORMS
from pydicom.uid import DeflatedExplicitVRLittleEndian

import ecg2lab
from ecg2lab.readers.formats import FORMATS
from ecg2lab.readers.limits import MOST_BYTES, MOST_SECONDS, MOST_SIGNALS, MOST_TEXT_BYTES, MOST_VALUES

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
TIMES_FILE = 4
SECONDS = 60
"""As many as fit an SCP record, whose leads have 16-bit lengths; of texts, a third: up to a megabyte."""
SMALL = 2**18
"""What reading makes of any file."""
OBJECTS = 16
"""A tree of short elements takes many times its text, as no ECG's does, whose text is samples."""


@pytest.fixture(scope="session")
def long(clean):
    return Ecg(np.tile(clean, (1, SECONDS // 10)), 500, STANDARD)


def peak_of(path, **stated):
    """Bytes at most, beside the samples of the recording; or the refusal."""
    tracemalloc.start()
    try:
        samples = ecg2lab.read(path, **stated).samples
        return tracemalloc.get_traced_memory()[1] - samples.nbytes
    finally:
        tracemalloc.stop()


def in_utf8(content):
    return content.decode("utf-16").replace("UTF-16", "UTF-8").encode()


def with_a_mark(ecg):
    """A calibration mark behind the ECG, as Philips has it: it is cut off, and the leads are moved together."""
    mark = np.zeros((12, 500))
    mark[:, 100:200] = 1.0
    return ecg._replace(samples=np.hstack([ecg.samples, mark]))


def padded(ecg):
    dataset = binary_files.dicom_dataset(ecg)
    dataset.WaveformSequence[0].add_new("WaveformPaddingValue", "OW", b"\0\x80")
    dataset.WaveformSequence[0].WaveformData = (b"\0\x80" * 1000) + dataset.WaveformSequence[0].WaveformData[2000:]
    return binary_files.dicom_bytes(dataset)


def faulty(ecg):
    content = binary_files.ishne(ecg)
    return content[:522] + b"\0\x80" * 1000 + content[2522:]


MORE_FORMS = {
    "Philips, XLI, UTF-8": lambda ecg: in_utf8(text_files.philips(ecg, microvolts=5.0)),
    "Philips, base64, UTF-8": lambda ecg: in_utf8(text_files.philips(ecg, form="base64")),
    "Philips, plain, UTF-8": lambda ecg: in_utf8(text_files.philips(ecg, form="plain")),
    "MUSE with a mark": lambda ecg: text_files.muse(with_a_mark(ecg)),
    "DICOM with padding": padded,
    "ISHNE with faults": faulty,
    "SCP, a flat line": lambda ecg: binary_files.scp(ecg._replace(samples=ecg.samples * 0)),
    "CSV in UTF-16": lambda ecg: text_files.csv(ecg).decode().encode("utf-16"),
}
ALL_FORMS = {name: write for name, (write, _) in FORMS.items()} | MORE_FORMS


@pytest.mark.slow
@pytest.mark.parametrize("form", ALL_FORMS)
def test_reading_holds_four_times_the_file_at_most(ecg, long, tmp_path, form):
    short, path = tmp_path / "short", tmp_path / "recording"
    short.write_bytes(ALL_FORMS[form](ecg))
    ecg2lab.read(short)  # imports
    if form.startswith(("CSV", "aECG", "CardioSoft", "Schiller", "Philips, plain", "SCP, coded")):
        long = long._replace(samples=long.samples[:, :10_000])
    path.write_bytes(ALL_FORMS[form](long))
    assert peak_of(path) <= TIMES_FILE * path.stat().st_size


STORAGE = {8: 40, 16: 1000, 24: 100_000, 32: 1_000_000, 61: 1000, 80: 40, 160: 1000, 212: 500, 310: 150, 311: 150}


@pytest.mark.parametrize("kind", ["plain", "missing", "skewed", "frames"])
@pytest.mark.parametrize("storage", STORAGE)
def test_wfdb_holds_four_times_the_file_at_most(long, tmp_path, storage, kind):
    most = {8: 60, 80: 120, 310: 500, 311: 500}.get(storage, 2**31)
    counts = np.clip(np.round(long.samples * STORAGE[storage]), -most, most).astype(np.int64)
    if kind == "missing" and storage in wfdb_files.MISSING:
        counts[:, 1000:2000] = wfdb_files.MISSING[storage]
    more = {"skewed": {"skews": [10] * 12}, "frames": {"frames": [2] * 12}}.get(kind, {})
    path = wfdb_files.record(tmp_path, counts, storage, STANDARD, STORAGE[storage], **more)
    assert peak_of(path) <= TIMES_FILE * path.with_suffix(".dat").stat().st_size


@pytest.mark.parametrize(("form", "gain"), [("516", 1000), ("524", 100_000)])
def test_flac_of_an_ecg_holds_four_times_the_file_at_most(long, tmp_path, form, gain):
    """Its channels lie in each other, so that all are decoded at once: of what FLAC makes smaller it may be more."""
    wfdb.wrsamp("record", 500, ["mV"] * 8, list(STANDARD[:8]), long.samples[:8].T, fmt=[form] * 8, adc_gain=[gain] * 8,
                baseline=[0] * 8, write_dir=str(tmp_path))  # fmt: skip
    assert peak_of(tmp_path / "record.hea") <= TIMES_FILE * (tmp_path / "record.dat").stat().st_size


def test_what_was_compressed_as_a_whole_is_held_to_its_content(long, tmp_path):
    """It can be a thousand times the file: at most 128 MiB are inflated, and four times as much are held."""
    counts = np.round(long.samples * 1000).astype(np.int64)
    header = wfdb_files.record(tmp_path, counts, 16, STANDARD)
    plain = header.with_suffix(".dat").read_bytes()
    header.with_suffix(".dat").unlink()
    (tmp_path / "record.dat.gz").write_bytes(gzip.compress(plain, 1))
    assert peak_of(header) <= TIMES_FILE * len(plain)
    dataset = binary_files.dicom_dataset(long)
    content = binary_files.dicom_bytes(dataset)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    (tmp_path / "deflated").write_bytes(binary_files.dicom_bytes(dataset))
    assert peak_of(tmp_path / "deflated") <= TIMES_FILE * len(content)


# --- What a file announces ---

WRITERS = {
    "dicom": binary_files.dicom,
    "edf": binary_files.edf,
    "scp": binary_files.scp,
    "ishne": binary_files.ishne,
    "mfer": binary_files.mfer,
    "aecg": text_files.aecg,
    "muse": text_files.muse,
    "philips": lambda ecg: text_files.philips(ecg, form="base64"),
    "cardiosoft": text_files.cardiosoft,
    "schiller": text_files.schiller,
    "mortara": text_files.mortara,
    "csv": text_files.csv,
}
MANY = 600


def test_every_format_is_held_to_its_limits():
    assert set(WRITERS) == set(FORMATS)
    for table in (SIGNALS, SAMPLES, TIMES):
        assert set(table) | NOT_ANNOUNCED.get(id(table), set()) == {*FORMATS, "wfdb"}


def noise(leads, fs=500, length=1000):
    return Ecg(np.random.default_rng(1).integers(-99, 99, (len(leads), length)) / 1000, fs, leads)


def replaced(form, *changes, ecg=None):
    content = WRITERS[form](ecg or noise(STANDARD))
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    return content


def utf16(*texts):
    return tuple(text.encode("utf-16-le") for text in texts)


def dicom(change):
    dataset = binary_files.dicom_dataset(noise(STANDARD))
    change(dataset.WaveformSequence[0])
    return binary_files.dicom_bytes(dataset)


def many_channels(group):
    group.ChannelDefinitionSequence = list(group.ChannelDefinitionSequence) * 50
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = MANY, 10
    group.WaveformData = b"\0" * (2 * 10 * MANY)


def many_samples(group):
    group.NumberOfWaveformSamples = 2**32 - 1


def slow(group):
    group.SamplingFrequency = "0.01"


def mfer(tag, value):
    """With a definition before the waveform that takes back the one before."""
    content = WRITERS["mfer"](noise(STANDARD))
    place = content.index(b"\x1e\x84")
    return content[:place] + binary_files.mfer_definition(tag, value) + content[place:]


def scp_section_3(change):
    lead = (1).to_bytes(4, "little") + (1000).to_bytes(4, "little") + b"\1"
    leads = bytearray(bytes([12, 100]) + 12 * lead)
    change(leads)
    return binary_files.scp_record({3: bytes(leads), 6: bytes(100)})


def set_bytes(offset, content):
    def change(data):
        data[offset : offset + len(content)] = content

    return change


def header(text):
    return ("wfdb", text)


def many_leads(form):
    leads = ("I", *(f"X{number}" for number in range(MANY - 1)))
    return WRITERS[form](noise(leads, length=10))


def ishne(offset, content, fs=500, length=1000):
    whole = bytearray(binary_files.ishne(noise(STANDARD if length == 1000 else ("II",), fs, length)))
    whole[8:10] = b"\0\0"  # no checksum
    whole[offset : offset + len(content)] = content
    return bytes(whole)


SIGNALS = {
    "wfdb": lambda: header(f"a {MANY} 500 1000\n" + "a.dat 16 1000/mV 16 0 0 0 0 X\n" * MANY),
    "dicom": lambda: dicom(many_channels),
    "edf": lambda: (lambda content: content[:252] + b"600 " + content[256:])(WRITERS["edf"](noise(STANDARD))),
    "scp": lambda: scp_section_3(set_bytes(0, b"\xff")),
    "ishne": lambda: ishne(156, b"\xff\x7f"),
    "mfer": lambda: mfer(0x05, (10**6).to_bytes(4, "little")),
    **{
        form: lambda form=form: many_leads(form)
        for form in ("aecg", "muse", "philips", "cardiosoft", "schiller", "mortara", "csv")
    },
}
SAMPLES = {
    "wfdb": lambda: header("a 1 500 999999999999\na.dat 16 1000/mV 16 0 0 0 0 I\n"),
    "dicom": lambda: dicom(many_samples),
    "edf": lambda: (lambda content: content[:236] + b"99999999" + content[244:])(WRITERS["edf"](noise(STANDARD))),
    "scp": lambda: scp_section_3(lambda data: [set_bytes(6 + 9 * lead, b"\xff" * 4)(data) for lead in range(12)]),
    "ishne": lambda: ishne(14, b"\xff\xff\xff\x7f"),
    "mfer": lambda: mfer(0x04, (2**31).to_bytes(4, "little")),
    "muse": lambda: replaced("muse", (b"CountTotal>1000<", b"CountTotal>999999999<")),
    "philips": lambda: replaced("philips", utf16('channel="2000"', 'channel="2000000000"')),
    "cardiosoft": lambda: replaced("cardiosoft", (b"CountTotal>1000<", b"CountTotal>999999999<")),
    "schiller": lambda: replaced("schiller", (b"count>1000<", b"count>999999999<")),
    "mortara": lambda: replaced("mortara", (b'DURATION="1000"', b'DURATION="999999999"')),
}
TIMES = {
    "wfdb": lambda: header("a 1 0.01 1000\na.dat 16 1000/mV 16 0 0 0 0 I\n"),
    "dicom": lambda: dicom(slow),
    "edf": lambda: (lambda content: content[:244] + b"99999999" + content[252:])(WRITERS["edf"](noise(STANDARD))),
    "ishne": lambda: ishne(0, b"", 1, int(MOST_SECONDS) + 1),
    "mfer": lambda: replaced("mfer", ((2000).to_bytes(4, "little"), (10**8).to_bytes(4, "little"))),
    **{
        form: lambda form=form: WRITERS[form](noise(STANDARD, 0.01))
        for form in ("aecg", "muse", "philips", "cardiosoft", "schiller", "mortara", "csv")
    },
}
NOT_ANNOUNCED = {id(SAMPLES): {"aecg", "csv"}, id(TIMES): {"scp"}}
"""Numbers of a text are counted, not announced. SCP has at most 524,280 samples of a lead, and at least 15 Hz."""


def written(folder, content):
    if isinstance(content, tuple):
        (folder / "a.dat").write_bytes(b"\0" * 2000)
        (folder / "a.hea").write_text(content[1])
        return folder / "a.hea"
    (folder / "recording").write_bytes(content)
    return folder / "recording"


def refusal(path, most):
    """The sentence of a file that is refused without holding more than `most` bytes."""
    with pytest.raises(ecg2lab.RecordingError):
        ecg2lab.read(path)  # imports
    tracemalloc.start()
    try:
        with pytest.raises(ecg2lab.RecordingError) as caught:
            ecg2lab.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= most
    return str(caught.value)


@pytest.mark.parametrize("form", SIGNALS)
def test_too_many_signals_are_refused_before_anything_is_made_for_them(tmp_path, form):
    path = written(tmp_path, SIGNALS[form]())
    said = refusal(path, OBJECTS * path.stat().st_size + SMALL)
    most = {"scp": "announces 255 leads; there can be 1 to 85", "ishne": "announces 32767 leads; there can be 1 to 12"}
    assert most.get(form, f"{MOST_SIGNALS}") in said


@pytest.mark.parametrize("form", SAMPLES)
def test_too_many_samples_are_refused_before_anything_is_made_for_them(tmp_path, form):
    path = written(tmp_path, SAMPLES[form]())
    said = refusal(path, TIMES_FILE * path.stat().st_size + SMALL)
    assert f"at most {MOST_VALUES} are read" in said or "announces" in said


@pytest.mark.parametrize("form", TIMES)
def test_too_long_a_time_is_refused_before_anything_is_made_for_it(tmp_path, form):
    path = written(tmp_path, TIMES[form]())
    said = refusal(path, TIMES_FILE * path.stat().st_size + SMALL)
    assert f"hours; at most {MOST_SECONDS / 3600:.0f} are read" in said


@pytest.mark.parametrize("form", WRITERS)
def test_too_many_bytes_are_not_read(tmp_path, form):
    """The end of the file is a hole, which takes no space."""
    path = written(tmp_path, WRITERS[form](noise(STANDARD)))
    with path.open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    assert "larger than 128 MiB" in refusal(path, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["aecg", "muse", "philips", "cardiosoft", "schiller", "mortara", "csv"])
def test_too_long_a_text_is_not_parsed(tmp_path, form):
    path = written(tmp_path, WRITERS[form](noise(STANDARD)))
    with path.open("r+b") as file:
        file.truncate(MOST_TEXT_BYTES + 1)
    assert "larger than 32 MiB" in refusal(path, MOST_TEXT_BYTES + SMALL)


def test_wfdb_files_and_headers_have_their_limits_too(tmp_path):
    path = written(tmp_path, header("a 1 500 1000\na.dat 16 1000/mV 16 0 0 0 0 I\n"))
    with (tmp_path / "a.dat").open("r+b") as file:
        file.truncate(MOST_BYTES + 1)
    assert "larger than 128 MiB" in refusal(path, SMALL)
    path.write_text("a 1 500 1000\n" + "#" * 2**20)
    assert "the header is larger than 1 MiB" in refusal(path, 2**21)
    path.write_text("a/5000 1 500 1000\n" + "b 1\n" * 5000)
    assert "it has 5000 segments; at most 4096" in refusal(path, 2**21)


@pytest.mark.parametrize("gap", [10**9, 10**12])
def test_a_gap_is_not_filled_before_it_is_judged(tmp_path, gap):
    written(tmp_path, header("a 1 500 1000\na.dat 16 1000/mV 16 0 0 0 0 I\n"))
    path = tmp_path / "whole.hea"
    path.write_text(f"whole/3 1 500 {gap + 2000}\na 1000\n~ {gap}\na 1000\n")
    assert f"announces {gap + 2000} samples; at most {MOST_VALUES}" in refusal(path, SMALL)


def test_a_group_that_begins_years_later_is_not_waited_for(tmp_path):
    dataset = binary_files.dicom_dataset(noise(STANDARD))
    first, second = dataset.WaveformSequence[0], binary_files.dicom_dataset(noise(STANDARD)).WaveformSequence[0]
    first.MultiplexGroupTimeOffset, second.MultiplexGroupTimeOffset = "0", "1e11"
    dataset.WaveformSequence = [first, second]
    path = written(tmp_path, binary_files.dicom_bytes(dataset))
    assert "at most" in refusal(path, TIMES_FILE * path.stat().st_size + SMALL)
