"""Every form that the writers write."""

import binary_files
import text_files

MICROVOLT = 1e-3
# Each form: its writer, and the size of its smallest step in millivolt. The record itself is stored in steps of 1 µV.
FORMS = {
    "EDF, µV": (lambda ecg: binary_files.edf(ecg, plus=False), MICROVOLT),
    "EDF+, mV": (lambda ecg: binary_files.edf(ecg, unit="mV"), MICROVOLT),
    "BDF": (binary_files.bdf, MICROVOLT / 256),
    "DICOM, 1 µV": (binary_files.dicom, MICROVOLT),
    "DICOM, 1.25 µV": (lambda ecg: binary_files.dicom(ecg, sensitivity=1.25), 1.25 * MICROVOLT),
    "DICOM, mV": (lambda ecg: binary_files.dicom(ecg, unit="mV", sensitivity=0.005), 5 * MICROVOLT),
    "SCP, plain": (lambda ecg: binary_files.scp(ecg, None), MICROVOLT),
    "SCP, coded": (lambda ecg: binary_files.scp(ecg, 0), MICROVOLT),
    "SCP, first differences": (lambda ecg: binary_files.scp(ecg, 1), MICROVOLT),
    "SCP, second differences": (lambda ecg: binary_files.scp(ecg, 2, nanovolts=2500), 2.5 * MICROVOLT),
    "SCP, own table": (lambda ecg: binary_files.scp(ecg, 2, tables=binary_files.standard_table()), MICROVOLT),
    "ISHNE": (lambda ecg: binary_files.ishne(ecg, nanovolts=2500), 2.5 * MICROVOLT),
    "aECG, µV": (lambda ecg: text_files.aecg(ecg, microvolts=2.5), 2.5 * MICROVOLT),
    "aECG, mV": (lambda ecg: text_files.aecg(ecg, unit="mV"), MICROVOLT),
    "MUSE": (lambda ecg: text_files.muse(ecg, microvolts=4.88), 4.88 * MICROVOLT),
    "Philips, XLI": (lambda ecg: text_files.philips(ecg, microvolts=5.0), 5 * MICROVOLT),
    "Philips, base64": (lambda ecg: text_files.philips(ecg, form="base64"), MICROVOLT),
    "Philips, plain": (lambda ecg: text_files.philips(ecg, form="plain"), MICROVOLT),
    "Mortara": (lambda ecg: text_files.mortara(ecg, per_millivolt=400), 2.5 * MICROVOLT),
    "CardioSoft": (lambda ecg: text_files.cardiosoft(ecg, microvolts=5), 5 * MICROVOLT),
    "Schiller": (lambda ecg: text_files.schiller(ecg, microvolts=2.5), 2.5 * MICROVOLT),
    "MFER, little-endian": (lambda ecg: binary_files.mfer(ecg, microvolts=2), 2 * MICROVOLT),
    "MFER, big-endian": (lambda ecg: binary_files.mfer(ecg, order="big", sequences=10), MICROVOLT),
    "CSV, mV": (text_files.csv, MICROVOLT),
    "CSV, µV": (lambda ecg: text_files.csv(ecg, unit="uV", delimiter=";"), MICROVOLT),
    "CSV, V": (lambda ecg: text_files.csv(ecg, unit="V", delimiter="\t"), MICROVOLT),
    "CSV, adc": (lambda ecg: text_files.csv(ecg, unit="adc"), MICROVOLT),
}
