"""Small writers of XML formats and of CSV."""

from __future__ import annotations

import base64
import zlib

import numpy as np
from ecg import Ecg


def muse(ecg: Ecg, microvolts: float = 1.0, unit: str = "MICROVOLTS") -> bytes:
    """GE MUSE, with median beats before the rhythm."""
    counts = ecg.counts(microvolts / 1000)
    blocks = [("Median", counts[:, : counts.shape[1] // 8] // 2), ("Rhythm", counts)]
    waveforms = "".join(
        f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{ecg.fs}</SampleBase>"
        "<SampleExponent>0</SampleExponent>"
        + "".join(_muse_lead(lead, row, microvolts, unit) for lead, row in zip(ecg.leads, rows, strict=True))
        + "</Waveform>"
        for kind, rows in blocks
    )
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE RestingECG SYSTEM "restecg.dtd">
<RestingECG><PatientDemographics><PatientID>{ecg.patient_id}</PatientID><PatientAge>{ecg.age}</PatientAge>
<AgeUnits>YEARS</AgeUnits><DateofBirth>{ecg.birth:%m-%d-%Y}</DateofBirth><Gender>{ecg.sex.upper()}</Gender>
<PatientLastName>{ecg.name}</PatientLastName></PatientDemographics>
<TestDemographics><AcquisitionDevice>cart</AcquisitionDevice><AcquisitionTime>12:30:00</AcquisitionTime>
<AcquisitionDate>{ecg.acquired:%m-%d-%Y}</AcquisitionDate></TestDemographics>
{waveforms}</RestingECG>""".encode("latin-1")


def _muse_lead(lead: str, row: np.ndarray, microvolts: float, unit: str) -> str:
    data = row.astype("<i2").tobytes()
    return (
        f"<LeadData><LeadByteCountTotal>{len(data)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>"
        f"<LeadSampleCountTotal>{len(row)}</LeadSampleCountTotal>"
        f"<LeadAmplitudeUnitsPerBit>{microvolts}</LeadAmplitudeUnitsPerBit>"
        f"<LeadAmplitudeUnits>{unit}</LeadAmplitudeUnits><LeadID>{lead}</LeadID><LeadSampleSize>2</LeadSampleSize>"
        f"<LeadDataCRC32>{zlib.crc32(data)}</LeadDataCRC32><WaveFormData>{_base64(data)}</WaveFormData></LeadData>"
    )


def aecg(ecg: Ecg, microvolts: float = 1.0, unit: str = "uV") -> bytes:
    """HL7 aECG, with a representative beat derived from the rhythm."""
    scale = {"uV": microvolts, "mV": microvolts / 1000}[unit]
    sequences = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{lead.upper()}"/><value xsi:type="SLIST_PQ">'
        f'<origin value="0" unit="{unit}"/><scale value="{scale}" unit="{unit}"/>'
        f"<digits>{' '.join(map(str, row))}</digits></value></sequence></component>"
        for lead, row in zip(ecg.leads, ecg.counts(microvolts / 1000), strict=True)
    )
    time = (
        '<component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS"><head value="20200131123000"/>'
        f'<increment value="{1 / ecg.fs}" unit="s"/></value></sequence></component>'
    )
    series = f"<component><sequenceSet>{time}{sequences}</sequenceSet></component>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="1.2.3"/>
<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>
<id extension="{ecg.patient_id}"/><subjectDemographicPerson><name>{ecg.name}</name>
<administrativeGenderCode code="{ecg.sex[0].upper()}"/><birthTime value="{ecg.birth:%Y%m%d}"/>
</subjectDemographicPerson></trialSubject></subject></subjectAssignment></componentOf></timepointEvent></componentOf>
<component><series><code code="RHYTHM"/><effectiveTime><low value="{ecg.acquired:%Y%m%d}123000"/></effectiveTime>
<author><seriesAuthor><manufacturedSeriesDevice><manufacturerModelName>cart</manufacturerModelName>
</manufacturedSeriesDevice></seriesAuthor></author>{series}
<derivation><derivedSeries><code code="REPRESENTATIVE_BEAT"/>{series}</derivedSeries></derivation>
</series></component></AnnotatedECG>""".encode()


def philips(ecg: Ecg, microvolts: float = 1.0, form: str = "xli") -> bytes:
    """Philips Sierra: `xli`, `base64` or `plain`."""
    counts = ecg.counts(microvolts / 1000).astype(int)
    packed = form == "xli"
    text = {
        "plain": lambda: " ".join(map(str, counts.ravel())),
        "base64": lambda: _base64(counts.astype("<i2").tobytes()),
        "xli": lambda: _base64(xli(_limb_remainders(counts))),
    }[form]()
    attributes = (
        f'dataencoding="{"Plain" if form == "plain" else "Base64"}" compressflag="{packed}"'
        + (' compression="XLI"' if packed else "")
        + f' numberofleads="{len(ecg.leads)}" leadlabels="{" ".join(ecg.leads)}"'
        f' durationperchannel="{counts.shape[1] * 1000 // ecg.fs}"'
    )
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<restingecgdata xmlns="http://www3.medical.philips.com"><documentinfo><documenttype>SierraECG</documenttype>
<documentversion>1.03</documentversion></documentinfo>
<patient><generalpatientdata><patientid>{ecg.patient_id}</patientid><name><lastname>{ecg.name}</lastname></name>
<age><dateofbirth>{ecg.birth}</dateofbirth><years>{ecg.age}</years></age><sex>{ecg.sex.title()}</sex>
</generalpatientdata></patient>
<dataacquisition date="{ecg.acquired}" time="12:30:00"><machine>cart</machine><signalcharacteristics>
<samplingrate>{ecg.fs}</samplingrate><signalresolution>{microvolts}</signalresolution>
<acquisitiontype>STD-12</acquisitiontype><numberchannelsallocated>{len(ecg.leads)}</numberchannelsallocated>
</signalcharacteristics></dataacquisition>
<waveforms><parsedwaveforms {attributes}>{text}</parsedwaveforms></waveforms></restingecgdata>""".encode("utf-16")


def _limb_remainders(counts: np.ndarray) -> np.ndarray:
    one, two, three, avr, avl, avf = counts[:6]
    limb = [one, two, two - one - three, -avr - (one + two) // 2, (one - three) // 2 - avl, (two + three) // 2 - avf]
    return np.stack([*limb, *counts[6:]])


def xli(rows: np.ndarray) -> bytes:
    """LZW over second differences, a block for each lead."""
    return b"".join(_xli_block(row) for row in rows)


def _xli_block(row: np.ndarray) -> bytes:
    errors = 2 * row[1:-1] - row[:-2] - row[2:]  # of sample 2 on
    first, stated = int(errors[0]), np.append(errors[1:], 0) + 64
    words = np.concatenate([row[:2], stated]).astype(">i2").view(np.uint8).reshape(-1, 2)
    packed = lzw(words[:, 0].tobytes() + words[:, 1].tobytes())
    return len(packed).to_bytes(4, "little") + b"\0\0" + first.to_bytes(2, "little", signed=True) + packed


def lzw(data: bytes) -> bytes:
    """Codes of 10 bits; the table is full at 1023."""
    table, bits, current = {bytes([byte]): byte for byte in range(256)}, "", b""
    for byte in data:
        longer = current + bytes([byte])
        if longer in table:
            current = longer
            continue
        bits += f"{table[current]:010b}"
        if len(table) < 1023:
            table[longer] = len(table)
        current = bytes([byte])
    bits += f"{table[current]:010b}" + "1" * 10
    bits += "0" * (-len(bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:]


def mortara(ecg: Ecg, per_millivolt: int = 1000) -> bytes:
    """Mortara ELI."""
    channels = "".join(
        f'<CHANNEL OFFSET="0" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="{per_millivolt}" DURATION="{len(row)}" '
        f'SAMPLE_FREQ="{ecg.fs}" NAME="{lead}" ENCODING="BASE64" DATA="{_base64(row.tobytes())}"/>'
        for lead, row in zip(ecg.leads, ecg.counts(1 / per_millivolt), strict=True)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ECG ACQUISITION_TIME="{ecg.acquired:%Y%m%d}123000" AGE="{ecg.age}" AGE_UNITS="YEARS" NUM_QRS="10">
<SUBJECT LAST_NAME="{ecg.name}" ID="{ecg.patient_id}" GENDER="{ecg.sex.title()}" DOB="{ecg.birth:%Y%m%d}"/>
<SOURCE TYPE="ELI" MODEL="cart"/>{channels}
<TYPICAL_CYCLE BITS="16"><TYPICAL_CYCLE_CHANNEL NAME="I" DATA="AAAAAAAA"/></TYPICAL_CYCLE></ECG>""".encode()


def cardiosoft(ecg: Ecg, microvolts: float = 1.0) -> bytes:
    """GE CardioSoft, with median beats before the strip and a full disclosure behind it."""
    counts = ecg.counts(microvolts / 1000)

    def samples(kind, rows, more=""):
        leads = "".join(
            f'<WaveformData lead="{lead}">\t\t\t{",".join(map(str, row))}</WaveformData>'
            for lead, row in zip(ecg.leads, rows, strict=True)
        )
        return (
            f"<{kind}><NumberOfLeads>{len(ecg.leads)}</NumberOfLeads>"
            f'<SampleRate units="Hz">{ecg.fs}</SampleRate>'
            f"<ChannelSampleCountTotal>{rows.shape[1]}</ChannelSampleCountTotal>"
            f'<Resolution units="uVperLsb">{microvolts}</Resolution>{leads}{more}</{kind}>'
        )

    def day(name, of, clock=""):
        return f"<{name}>{clock}<Day>{of.day}</Day><Month>{of.month}</Month><Year>{of.year}</Year></{name}>"

    clock = "<Hour>12</Hour><Minute>30</Minute><Second>0</Second>"
    medians = samples("MedianSamples", counts[:, : counts.shape[1] // 8] // 2)
    return f"""<?xml version="1.0" encoding="ISO-8859-1" ?>
<CardiologyXML><ObservationType>RestECG</ObservationType>{day("ObservationDateTime", ecg.acquired, clock)}
<ClinicalInfo><DeviceInfo><Desc>cart</Desc></DeviceInfo></ClinicalInfo>
<PatientInfo><PID>{ecg.patient_id}</PID><Name><FamilyName>{ecg.name}</FamilyName></Name>
<Age units="YEARS">{ecg.age}</Age>{day("BirthDateTime", ecg.birth)}<Gender>{ecg.sex.upper()}</Gender></PatientInfo>
<RestingECGMeasurements>{medians}</RestingECGMeasurements>
{samples("StripData", counts, '<ArrhythmiaResults><Time units="ms">800</Time></ArrhythmiaResults>')}
<FullDisclosure><NumberOfChannels>12</NumberOfChannels><SampleRate units="Hz">{ecg.fs}</SampleRate>
<FullDisclosureData>0,0,0,0,</FullDisclosureData></FullDisclosure></CardiologyXML>""".encode("latin-1")


def schiller(ecg: Ecg, microvolts: float = 1.0) -> bytes:
    """Schiller SEMA, with averages before the rhythm, lead names in capitals and a byte order mark."""
    counts = ecg.counts(microvolts / 1000)

    def wavedata(kind, rows):
        channels = "".join(
            f"<channel><name>{lead.upper()}</name><data>{','.join(map(str, row))}</data>"
            f"<datastype>COMMASEPARATE</datastype><samplecount>{len(row)}</samplecount></channel>"
            for lead, row in zip(ecg.leads, rows, strict=True)
        )
        return (
            f"<wavedata><type>{kind}</type><resolution><samplerate><exponent>1</exponent><value>{ecg.fs}</value>"
            f"</samplerate><yres><unitperbit>{microvolts}</unitperbit><units>UV</units></yres></resolution>"
            f"{channels}<channelconfiguration>ECG_STANDARD</channelconfiguration></wavedata>"
        )

    return f"""\ufeff<?xml version="1.0" encoding="UTF-8"?>
<com.xiriuz.sema.xml.schillerEDI.SchillerEDI><patdata><id>{ecg.patient_id}</id><lastname>{ecg.name}</lastname>
<birthdate>{ecg.birth:%Y%m%d}</birthdate><gender>{ecg.sex.upper()}</gender></patdata>
<examdescript><startdatetime><date>{ecg.acquired:%Y%m%d}</date><time>123000000</time></startdatetime>
<aquiringdevice><hardware><vendor>Schiller</vendor><model>cart</model></hardware></aquiringdevice></examdescript>
<eventdata><event>{wavedata("ECG_AVERAGES", counts[:, : counts.shape[1] // 8] // 2)}
{wavedata("ECG_RHYTHMS", counts)}</event></eventdata></com.xiriuz.sema.xml.schillerEDI.SchillerEDI>""".encode()


def csv(ecg: Ecg, unit: str = "mV", delimiter: str = ",", comments: bool = True, gain: int = 1000) -> bytes:
    """CSV of 1 µV with a time column; `adc` with a gain and a baseline of 512."""
    rows = np.round(ecg.samples * {"uV": 1000, "mV": 1, "V": 1e-3, "adc": gain}[unit], 6).T + 512 * (unit == "adc")
    said = f"# fs: {ecg.fs} Hz\n# unit: {unit}\n# age: {ecg.age}\n# sex: {ecg.sex}\n" if comments else ""
    said += f"# gain: {gain}\n# baseline: 512\n" if unit == "adc" else ""
    lines = [delimiter.join((f"{n / ecg.fs:.3f}", *(f"{value:.9g}" for value in row))) for n, row in enumerate(rows)]
    return (said + delimiter.join(("time", *ecg.leads)) + "\n" + "\n".join(lines) + "\n").encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
