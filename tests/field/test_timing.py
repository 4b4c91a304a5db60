"""When channels begin and what their rate is: frames, skews, parts, time columns."""

import binary_files
import numpy as np
import pytest
import text_files
from pydicom.dataset import Dataset

import ecg2lab

SPELLINGS = ["seconds", "samples"]


def dataset(ecg):
    whole = binary_files.dicom_dataset(ecg)
    del whole.WaveformSequence[1]
    return whole


def skewed(ecg, lead, seconds, spelling="seconds"):
    whole = dataset(ecg)
    channel = whole.WaveformSequence[0].ChannelDefinitionSequence[ecg.leads.index(lead)]
    if spelling == "seconds":
        channel.ChannelTimeSkew = str(seconds)
    else:
        channel.ChannelSampleSkew = str(round(seconds * ecg.fs, 3))
    return binary_files.dicom_bytes(whole)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(("lead", "seconds"), [("II", 0.05), ("aVF", 1.0), ("V6", 0.002)])
def test_dicom_a_skewed_lead_is_moved(clean, ecg, read, lead, seconds, spelling):
    moved = read(skewed(ecg, lead, seconds, spelling))
    row, shift = moved.leads.index(lead), round(seconds * 500)
    assert moved.samples.shape == (12, 5000 + shift)
    np.testing.assert_allclose(moved.samples[row, shift:], clean[row], rtol=0, atol=1e-9)
    assert np.isnan(moved.samples[row, :shift]).all()
    assert moved.notes == (f"{lead} begins {seconds:g} s late: missing before",)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_dicom_a_skew_below_half_a_sample_is_none(clean, ecg, read, spelling):
    """Channels that one converter samples in turn."""
    moved = read(skewed(ecg, "V2", 0.0004, spelling))
    np.testing.assert_allclose(moved.samples, clean, rtol=0, atol=1e-9)


def test_dicom_two_skews_that_contradict_each_other_are_refused(ecg, refusal):
    whole = dataset(ecg)
    channel = whole.WaveformSequence[0].ChannelDefinitionSequence[3]
    channel.ChannelTimeSkew, channel.ChannelSampleSkew = "0.2", "5"
    assert "the time skew and the sample skew of lead aVR contradict" in refusal(binary_files.dicom_bytes(whole))


def groups(ecg, *parts):
    """A DICOM file of several groups, each of (leads, first sample, samples, offset in ms or None)."""
    whole = dataset(ecg)
    whole.WaveformSequence = []
    for leads, first, size, offset in parts:
        own = ecg.only(*leads)
        group = binary_files._dicom_group(
            own, "RHYTHM", own._replace(samples=own.samples[:, first : first + size]).counts(1e-3), "uV", 1.0
        )
        if offset is not None:
            group.MultiplexGroupTimeOffset = str(offset)
        whole.WaveformSequence.append(group)
    return binary_files.dicom_bytes(whole)


LIMB, CHEST = ("I", "II", "III", "aVR", "aVL", "aVF"), ("V1", "V2", "V3", "V4", "V5", "V6")


def test_dicom_two_simultaneous_groups_are_one_recording(clean, ecg, read):
    both = read(groups(ecg, (LIMB, 0, 5000, 0), (CHEST, 0, 5000, 0)))
    assert (both.leads, both.notes) == (ecg.leads, ())
    np.testing.assert_allclose(both.samples, clean, rtol=0, atol=1e-9)


def test_dicom_parts_of_all_leads_that_follow_one_another_are_one_recording(clean, ecg, read):
    whole = read(groups(ecg, *((ecg.leads, 1250 * part, 1250, 2500 * part) for part in range(4))))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


def test_dicom_a_gap_between_parts_is_missing(clean, ecg, read):
    whole = read(groups(ecg, (ecg.leads, 0, 2000, 0), (ecg.leads, 2500, 2500, 5000)))
    assert np.isnan(whole.samples[:, 2000:2500]).all()
    np.testing.assert_allclose(whole.samples[:, 2500:], clean[:, 2500:], rtol=0, atol=1e-9)
    assert "a gap between two parts is missing" in whole.notes[0]


PRINTED = [
    (("I", "II", "III"), 0),
    (("aVR", "aVL", "aVF"), 1250),
    (("V1", "V2", "V3"), 2500),
    (("V4", "V5", "V6"), 3750),
]


def test_dicom_the_print_format_is_refused(ecg, refusal):
    parts = [(leads, first, 1250, first * 2) for leads, first in PRINTED]
    sentence = refusal(groups(ecg, *parts))
    assert "recorded one after another (I, II, III from 0 s; aVR, aVL, aVF from 2.5 s;" in sentence
    assert "export the full time of all leads at once" in sentence


def test_dicom_groups_that_do_not_say_when_they_begin_are_refused(ecg, refusal):
    assert "does not say when each begins (MultiplexGroupTimeOffset)" in refusal(
        groups(ecg, (LIMB, 0, 5000, None), (CHEST, 0, 5000, None))
    )


def sequence_sets(ecg, parts, head):
    """AECG with a set for each part, of (leads, first sample, samples); `head` writes the begin of a set, in s."""
    text = text_files.aecg(ecg).decode()
    begin, end = text.index("<component><sequenceSet>"), text.index("<derivation>")
    sets = ""
    for leads, first, size in parts:
        own = ecg.only(*leads)
        inner = text_files.aecg(own._replace(samples=own.samples[:, first : first + size])).decode()
        inner = inner[inner.index("<component><sequenceSet>") : inner.index("<derivation>")]
        sets += inner.replace('<head value="20200131123000"/>', head(first / ecg.fs))
    return (text[:begin] + sets + text[end:]).encode()


def absolute(seconds):
    return f'<head value="20200131{12:02d}30{seconds:06.3f}"/>'


def relative(seconds):
    return f'<head value="{seconds}" unit="s"/>'


@pytest.mark.parametrize("head", [absolute, relative])
def test_aecg_a_sequence_set_for_each_lead_is_one_recording(clean, ecg, read, head):
    whole = read(sequence_sets(ecg, [((lead,), 0, 5000) for lead in ecg.leads], head))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


@pytest.mark.parametrize("head", [absolute, relative])
def test_aecg_the_print_format_is_refused(ecg, refusal, head):
    sentence = refusal(sequence_sets(ecg, [(leads, first, 1250) for leads, first in PRINTED], head))
    assert "recorded one after another" in sentence


def test_aecg_a_set_that_does_not_say_when_it_begins_is_refused(ecg, refusal):
    sentence = refusal(sequence_sets(ecg, [(LIMB, 0, 5000), (CHEST, 0, 5000)], lambda _: ""))
    assert "does not say when it begins (head)" in sentence


def scp_with_spans(ecg, spans):
    """SCP-ECG whose leads say that they cover other samples."""
    record = bytearray(binary_files.scp(ecg, None))
    section = record.index(bytes([12, 4 | 12 << 3]))
    for row, (start, end) in enumerate(spans):
        place = section + 2 + 9 * row
        record[place : place + 8] = start.to_bytes(4, "little") + end.to_bytes(4, "little")
    return binary_files.sealed(bytes(record))


def test_scp_the_print_format_is_refused(ecg, refusal):
    short = ecg._replace(samples=ecg.samples[:, :1250])
    spans = [(1 + 1250 * (row // 3), 1250 + 1250 * (row // 3)) for row in range(12)]
    assert "as in printed formats" in refusal(scp_with_spans(short, spans))


CSV_STEPS = {
    "seconds": ("time (s)", 0.002), "milliseconds": ("time_ms", 2.0), "microseconds": ("t [us]", 2000.0),
    "micro sign": ("time (µs)", 2000.0), "no unit": ("time", 0.002), "no unit, ms": ("Time", 2.0), "rows": ("t", 1.0),
}  # fmt: skip


def csv_with_times(ecg, name, times):
    rows = "\n".join(
        f"{time:.6g}," + ",".join(f"{v:.3f}" for v in row) for time, row in zip(times, ecg.samples.T, strict=False)
    )
    return f"# fs: 500\n# unit: mV\n{name},{','.join(ecg.leads)}\n{rows}\n".encode()


@pytest.mark.parametrize("name", CSV_STEPS)
def test_csv_a_time_column_has_its_own_unit(clean, ecg, read, name):
    title, step = CSV_STEPS[name]
    whole = read(csv_with_times(ecg, title, step * np.arange(1000)))
    np.testing.assert_allclose(whole.samples, clean[:, :1000], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", CSV_STEPS)
def test_csv_a_time_column_that_contradicts_the_rate_is_refused(ecg, refusal, name):
    title, step = CSV_STEPS[name]
    assert "its time column steps by" in refusal(csv_with_times(ecg, title, 2.5 * step * np.arange(1000)))


def test_csv_a_time_column_that_jumps_is_refused(ecg, refusal):
    times = 0.002 * np.arange(1000) + 3.0 * (np.arange(1000) >= 400)
    assert "its time column" in refusal(csv_with_times(ecg, "time", times))
    back = np.where(np.arange(1000) == 500, 0.0, 0.002 * np.arange(1000))
    assert "jumps at row" in refusal(csv_with_times(ecg, "time", back))


def test_csv_times_may_be_rounded(ecg, read):
    """360 Hz in milliseconds: steps of 2 and 3."""
    text = csv_with_times(ecg, "time_ms", np.round(1000 / 360 * np.arange(1000))).replace(b"fs: 500", b"fs: 360")
    assert read(text).fs == 360


def test_csv_clocks_are_no_times_to_compare(ecg, read):
    head = f"# fs: 500\n# unit: mV\ntime,note,{','.join(ecg.leads)}\n"
    rows = "".join(f"12:30:0{n // 500}.{n % 500 * 2:03d},ok," + ",".join(["0.1"] * 12) + "\n" for n in range(1000))
    assert read((head + rows).encode()).samples.shape == (12, 1000)


def write_wfdb(folder, header, counts):
    (folder / "r.hea").write_text(header)
    (folder / "r.dat").write_bytes(np.ascontiguousarray(counts, "<i2").tobytes())
    return ecg2lab.read(folder / "r.hea")


@pytest.mark.parametrize("per_frame", [2, 5, 10, 50])
def test_wfdb_frames_of_several_samples(clean, tmp_path, per_frame):
    """Down to 10 frames a second, below any rate that an ECG has."""
    counts = np.round(clean * 1000).astype(int)
    frames = counts.reshape(12, -1, per_frame).transpose(1, 0, 2)
    lines = "".join(
        f"r.dat 16x{per_frame} 1000/mV 16 0 0 0 0 {lead}\n" for lead in ("I", "II", "III", "aVR", "aVL", "aVF", *CHEST)
    )
    whole = write_wfdb(tmp_path, f"r 12 {500 / per_frame:g} {5000 // per_frame}\n{lines}", frames)
    assert whole.fs == 500
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-9)


def test_wfdb_frames_that_hold_another_number_of_samples_for_each_signal(clean, tmp_path):
    """A slow pressure beside the ECG is left out; a slow lead is refused."""
    counts = np.round(clean[:2] * 1000).astype(int)
    frames = np.concatenate(
        [counts.reshape(2, -1, 4).transpose(1, 0, 2).reshape(-1, 8), np.zeros((1250, 1), int)], axis=1
    )
    lines = "".join(f"r.dat 16x4 1000/mV 16 0 0 0 0 {lead}\n" for lead in ("I", "II"))
    whole = write_wfdb(tmp_path, f"r 3 125 1250\n{lines}r.dat 16 10/mmHg 16 0 0 0 0 ABP\n", frames)
    assert (whole.fs, whole.ignored) == (500, ("ABP",))
    np.testing.assert_allclose(whole.samples, clean[:2], rtol=0, atol=1e-9)
    with pytest.raises(ecg2lab.RecordingError, match="different sampling rates: I 500 Hz, V1 125 Hz"):
        write_wfdb(tmp_path, f"r 3 125 1250\n{lines}r.dat 16 10/mV 16 0 0 0 0 V1\n", frames)


def test_wfdb_a_skewed_signal_is_moved(clean, tmp_path):
    counts = np.round(clean[:2] * 1000).astype(int)
    lines = "r.dat 16 1000/mV 16 0 0 0 0 I\nr.dat 16:30 1000/mV 16 0 0 0 0 II\n"
    whole = write_wfdb(tmp_path, f"r 2 500 5000\n{lines}", counts.T)
    np.testing.assert_allclose(whole.samples[1, :-30], clean[1, 30:], rtol=0, atol=1e-9)
    assert np.isnan(whole.samples[1, -30:]).all()
    assert whole.notes == ("II moved by 30 samples, as the header says: missing at the end",)


def test_edf_discontinuous_in_name_only(clean, read, ecg):
    whole = read(binary_files.edf(ecg).replace(b"EDF+C", b"EDF+D"))
    np.testing.assert_allclose(whole.samples, clean, rtol=0, atol=1e-3)


def test_edf_discontinuous_in_truth(ecg, refusal):
    content = binary_files.edf(ecg).replace(b"EDF+C", b"EDF+D")
    assert b"+7\x14" in content
    assert "discontinuous (EDF+D)" in refusal(content.replace(b"+7\x14", b"+9\x14"))


def test_a_dicom_item_beside_is_left_alone(ecg, read):
    """Whatever stands around the waveform, in whatever depth."""
    whole = binary_files.dicom_dataset(ecg)
    deep = Dataset()
    for _ in range(8):
        outer = Dataset()
        outer.RelatedSeriesSequence = [deep]
        deep = outer
    whole.RelatedSeriesSequence = [deep]
    assert read(binary_files.dicom_bytes(whole)).duration_s == 10


def test_scp_an_interval_that_was_rounded(ecg, read):
    """1667 µs stand for 600 Hz; 999 µs for 1001 Hz, as no whole number is nearer."""
    for rate in (600, 240, 500, 1000):
        content = bytearray(binary_files.scp(ecg, None))
        place = content.index((1000).to_bytes(2, "little") + (2000).to_bytes(2, "little"))
        content[place + 2 : place + 4] = round(1e6 / rate).to_bytes(2, "little")
        assert read(binary_files.sealed(bytes(content))).fs == rate


def test_wfdb_signals_of_one_file_need_not_stand_together(clean, tmp_path):
    counts = np.round(clean[:3] * 1000).astype("<i2")
    (tmp_path / "a.dat").write_bytes(counts[[0, 2]].T.tobytes())
    (tmp_path / "b.dat").write_bytes(counts[1].tobytes())
    lines = "".join(
        f"{name}.dat 16 1000/mV 16 0 0 0 0 {lead}\n" for name, lead in (("a", "I"), ("b", "II"), ("a", "III"))
    )
    (tmp_path / "r.hea").write_text(f"r 3 500 5000\n{lines}")
    np.testing.assert_allclose(ecg2lab.read(tmp_path / "r.hea").samples, clean[:3], rtol=0, atol=1e-9)
