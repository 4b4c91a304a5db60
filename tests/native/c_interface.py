"""include/ecg2lab.h for ctypes, read from the header, and its calls with arrays and dicts."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int32, c_int64, c_size_t, c_void_p
from typing import NamedTuple

import numpy as np

from c_header import read_header

HEADER = read_header()
PLAIN = {
    "void": None, "char": ctypes.c_char, "float": c_float, "double": c_double, "short": ctypes.c_short,
    "int32_t": c_int32, "int64_t": c_int64, "size_t": c_size_t,
}  # fmt: skip


def type_of(kind):
    """That ctypes has for a type of the header; a struct without fields is an address."""
    if kind.base in HEADER.callbacks:
        return CALLBACKS[kind.base]
    opaque = kind.base in HEADER.structs and not HEADER.structs[kind.base].fields
    made = None if opaque else PLAIN[kind.base] if kind.base in PLAIN else STRUCTS.get(kind.base, c_int32)
    for _ in range(kind.stars):
        made = c_void_p if made is None else c_char_p if made is ctypes.c_char else POINTER(made)
    return made


CALLBACKS = {
    name: ctypes.CFUNCTYPE(None, *(PLAIN.get(x.type.base) if not x.type.stars else
                                   {"void": c_void_p, "char": c_char_p}[x.type.base] for x in call.parameters))
    for name, call in HEADER.callbacks.items()
}  # fmt: skip
LOG, HOOK = CALLBACKS["log"], CALLBACKS["thread_hook"]
STRUCTS = {}
for _name, _struct in HEADER.structs.items():  # each stands behind those that it is made of
    if _struct.fields:
        STRUCTS[_name] = type(
            f"ecg2lab_{_name}",
            (ctypes.Structure,),
            {"_fields_": [(field.name, type_of(field.type)) for field in _struct.fields]},
        )
Options, Recording, Patient, SourceField, Output, StreamOptions, Call, ExplainOptions = (
    STRUCTS[name] for name in ("options", "recording", "patient", "source_field", "output", "stream_options", "call",
                               "explain_options")
)  # fmt: skip
Result, Prepared, Bytes, SelftestReport = (STRUCTS[name] for name in ("result", "prepared", "bytes", "selftest_report"))
STRUCTURES = tuple(STRUCTS.values())
NUMBERS = (
    "age", "respiratory_per_min", "spo2_percent", "diastolic_mmhg", "systolic_mmhg", "heart_rate_bpm", "temperature_c",
    "temperature_f", "height_cm", "weight_kg", "bmi",
)  # fmt: skip
FIGURES = (
    "flat_share", "saturated_share", "noise_mv", "wander_mv", "mains_mv", "bsqi", "ksqi", "ssqi", "psqi", "bassqi"
)  # fmt: skip
SHARES = ("sensitivity", "specificity", "ppv", "npv")
CONFORMAL_SHARES = ("coverage_positive", "coverage_negative", "unsure")

(
    OK, ARGUMENT, BUNDLE, BACKEND, RECORDING, PATIENT, QUALITY, MEMORY, INTERNAL, DEADLINE, CANCELLED
) = range(11)  # fmt: skip
STATUS_NAMES = (
    "OK", "ERROR_ARGUMENT", "ERROR_BUNDLE", "ERROR_BACKEND", "ERROR_RECORDING", "ERROR_PATIENT", "ERROR_QUALITY",
    "ERROR_MEMORY", "ERROR_INTERNAL", "ERROR_DEADLINE", "ERROR_CANCELLED",
)  # fmt: skip
NAMED = ("lead_verdict", "verdict", "refusal", "quality", "fault", "experience")
UNITS = {"uV": 1, "mV": 2, "V": 3, "adc": 4}
SEXES = ("female", "male")
RACES = ("asian", "black", "hispanic", "other", "white")
SAMPLE_TYPES = {"float32": 0, "float64": 1, "int16": 2, "int32": 3}
NOT_JUDGED, GOOD, MISSING, EMPTY, GAP, FLAT, CLIPPED, FAULTY = range(8)
QUALITIES = (None, "accepted", "warnings", "refused")
VERDICTS = ("no decision", "flagged", "not flagged", "unsure", "outside experience")
EXPERIENCES = (None, "inside", "outside")
FACTS = ("all", "age and sex")


def load(path):
    """The library with the types of its calls."""
    library = ctypes.CDLL(str(path))
    assert library.ecg2lab_abi_version() == HEADER.abi_version, f"{path} was not built from this header"
    for declared in HEADER.calls:
        call = getattr(library, f"ecg2lab_{declared.name}")
        call.restype = type_of(declared.result)
        call.argtypes = [type_of(parameter.type) for parameter in declared.parameters]
    return library


def words(texts):
    """An array of C strings."""
    return (c_char_p * len(texts))(*(None if text is None else text.encode() for text in texts))


def doubles(numbers):
    return (c_double * len(numbers))(*numbers)


class Said(NamedTuple):
    """A finding, copied into Python."""

    probability: float
    lowest: float
    highest: float
    threshold: float | None
    detected: bool | None
    verdict: str
    reason: str | None
    base_rate: float | None
    ratio: float | None
    rule: str | None
    operating_point: dict | None


class Answer(NamedTuple):
    """A result, copied into Python."""

    status: int
    message: str
    refusal: int
    leads: dict
    findings: dict
    imputed: dict
    unused: tuple
    out_of_range: tuple
    windows: int
    unused_s: float
    notice: str
    digest: str
    source: dict
    begin: int
    quality: str | None
    experience: str | None
    distance: float | None
    limit: float | None
    faults: list
    figures: dict
    json: bytes


def number_or_none(number):
    """None for the NaN that stands for no number."""
    return None if np.isnan(number) else number


def text(pointer):
    return None if pointer is None else pointer.decode()


def copy_finding(x):
    return Said(
        probability=x.probability,
        lowest=x.lowest,
        highest=x.highest,
        threshold=number_or_none(x.decision_threshold),
        detected=None if x.detected < 0 else bool(x.detected),
        verdict=VERDICTS[x.verdict],
        reason=text(x.reason),
        base_rate=number_or_none(x.base_rate),
        ratio=number_or_none(x.ratio),
        rule=text(x.rule),
        operating_point=copy_point(x.operating_point[0]) if x.operating_point else None,
    )


def copy_point(x):
    """As Python's `OperatingPoint` is as a dict, but for what is said elsewhere or nowhere: reason, most_missing."""
    counts = {name: getattr(x, name) for name in ("windows", "patients", "positives", "negatives")}
    numbers = {name: number_or_none(getattr(x, name)) for name in ("threshold", "prevalence")}
    shares = {name: copy_share(getattr(x, name)) for name in SHARES}
    conformal = {"error": number_or_none(x.conformal_error)}
    conformal |= {name: copy_share(getattr(x, name)) for name in CONFORMAL_SHARES}
    said = counts | numbers | {"facts": FACTS[x.facts]} | shares
    return said | {"conformal": conformal if conformal["error"] else None}


def copy_share(x):
    """Either all three are numbers, or none is."""
    numbers = {name: number_or_none(getattr(x, name)) for name in ("value", "low", "high")}
    assert len({number is None for number in numbers.values()}) == 1
    return None if numbers["value"] is None else numbers


class Model:
    """Calls of the library with NumPy arrays and dicts."""

    def __init__(self, library, path, load="load", **options):
        self.library, self.handle = library, c_void_p()
        chosen = Options()
        library.ecg2lab_options_init(byref(chosen), ctypes.sizeof(chosen))
        for name, value in options.items():
            setattr(chosen, name, value)
        self.keep = chosen
        call = getattr(library, f"ecg2lab_{load}")
        self.status = call(str(path).encode(), byref(chosen), byref(self.handle))

    def recording(self, samples, leads, fs, unit, gain=None, baseline=None, source=None, sample_major=False):
        recording = Recording()
        self.library.ecg2lab_recording_init(byref(recording), ctypes.sizeof(recording))
        stored = np.ascontiguousarray(samples.T if sample_major else samples)
        recording.samples = stored.ctypes.data
        recording.sample_type = SAMPLE_TYPES[stored.dtype.name]
        recording.unit = UNITS[unit]
        recording.leads = words(leads)
        recording.lead_count, recording.sample_count = samples.shape
        recording.sampling_rate_hz = fs
        if sample_major:
            recording.lead_stride, recording.sample_stride = 1, samples.shape[0]
        if gain is not None:
            recording.gain, recording.gain_count = doubles(gain), len(gain)
        if baseline is not None:
            recording.baseline, recording.baseline_count = doubles(baseline), len(baseline)
        if source:
            fields = (SourceField * len(source))(*((k.encode(), v.encode()) for k, v in source.items()))
            recording.source, recording.source_count = fields, len(source)
        return recording, stored  # the array must outlive the call

    def patient(self, **facts):
        patient = Patient()
        self.library.ecg2lab_patient_init(byref(patient), ctypes.sizeof(patient))
        for name, value in facts.items():
            table = {"sex": SEXES, "race": RACES}.get(name)
            setattr(patient, name, table.index(value) if table else value)
        return patient

    def ask(self, recording, patient=None):
        """The raw call: status and result pointer."""
        result = POINTER(Result)()
        facts = None if patient is None else byref(patient)
        return self.library.ecg2lab_predict(self.handle, byref(recording), facts, byref(result)), result

    def predict(self, samples, leads, fs, unit="mV", patient=None, **more):
        recording, _kept = self.recording(samples, leads, fs, unit, **more)
        status, result = self.ask(recording, None if patient is None else self.patient(**patient))
        return self.taken(status, result)

    def taken(self, status, result):
        """The result of a call, copied and freed; without one, status and message."""
        said = text(self.library.ecg2lab_last_error())
        if not result:
            return status, said
        answer = self.copy(result[0])
        assert status == answer.status
        assert said == answer.message
        self.library.ecg2lab_result_free(result)
        return answer

    def prepare(self, samples, leads, fs, unit="mV", patient=None, **more):
        """Status and pointer; the pointer is to be freed."""
        recording, _kept = self.recording(samples, leads, fs, unit, **more)
        prepared = POINTER(Prepared)()
        facts = None if patient is None else byref(self.patient(**patient))
        return self.library.ecg2lab_prepare(self.handle, byref(recording), facts, byref(prepared)), prepared

    def graph(self):
        return self.library.ecg2lab_window_graph(self.handle)[0]

    def inputs(self, prepared):
        """Of the window graph: signal, continuous, categorical."""
        p, g = prepared[0], self.graph()
        shapes = (g.lead_count, g.window_samples), (g.continuous_count,), (g.categorical_count,)
        pointers = p.signal, p.continuous, p.categorical
        return [
            np.ctypeslib.as_array(pointer, (p.window_count, *shape)).copy()
            for pointer, shape in zip(pointers, shapes, strict=True)
        ]

    def output(self, logits, features=None, **words):
        """What a runtime gave."""
        output = Output()
        self.library.ecg2lab_output_init(byref(output), ctypes.sizeof(output))
        output.kept = []  # the arrays must outlive the call
        for name, numbers in (("logit", logits), ("feature", features)):
            if numbers is not None:
                stored = np.ascontiguousarray(numbers, np.float32)
                setattr(output, f"{name}s", stored.ctypes.data_as(POINTER(c_float)))
                output.kept.append(stored)
                setattr(output, f"{name}_count", stored.size)
        for name, word in words.items():
            setattr(output, name, word)
        return output

    def decide(self, prepared, output=None):
        result = POINTER(Result)()
        given = None if output is None else byref(output)
        status = self.library.ecg2lab_decide(prepared, given, byref(result))
        return self.taken(status, result)

    def copy(self, r):
        def listed(pointers, count):
            return [pointers[i][0] for i in range(count)]

        return Answer(
            status=r.status, message=text(r.message), refusal=r.refusal,
            leads={text(x.name): x.verdict for x in listed(r.leads, r.lead_count)},
            findings={
                text(x.target[0].name): copy_finding(x) for x in listed(r.findings, r.finding_count)
            },
            imputed={
                text(x.name): x.number if x.word is None else text(x.word)
                for x in listed(r.imputed, r.imputed_count)
            },
            unused=tuple(text(r.unused_facts[i]) for i in range(r.unused_fact_count)),
            out_of_range=tuple(text(r.out_of_range[i]) for i in range(r.out_of_range_count)), windows=r.window_count,
            unused_s=r.unused_s, notice=text(r.notice), digest=text(r.bundle_digest),
            source={text(x.name): text(x.value) for x in listed(r.source, r.source_count)}, begin=r.window_begin,
            quality=QUALITIES[r.quality], experience=EXPERIENCES[r.experience],
            distance=number_or_none(r.experience_distance), limit=number_or_none(r.experience_limit),
            faults=[
                (x.code, text(x.name), bool(x.refuses), text(x.lead), text(x.other_lead), x.measured, x.limit,
                 text(x.message))
                for x in listed(r.faults, r.fault_count)
            ],
            figures={
                text(x.name): {name: getattr(x, name) for name in FIGURES if not np.isnan(getattr(x, name))}
                for x in listed(r.leads, r.lead_count)
            },
            json=self.library.ecg2lab_result_json(byref(r)),
        )  # fmt: skip


class Stream:
    """One patient's stream with NumPy arrays (leads, n)."""

    def __init__(self, model, leads, fs, unit="mV", dtype="float64", patient=None, sample_major=False, **options):
        self.model, self.library, self.handle = model, model.library, c_void_p()
        self.dtype, self.sample_major = dtype, sample_major
        more = {name: options.pop(name) for name in ("gain", "baseline", "source") if name in options}
        format_, _ = model.recording(np.zeros((len(leads), 1), dtype), leads, fs, unit, **more)
        format_.samples, format_.sample_count = None, 0
        if sample_major:
            format_.lead_stride, format_.sample_stride = 1, len(leads)
        chosen = StreamOptions()
        self.library.ecg2lab_stream_options_init(byref(chosen), ctypes.sizeof(chosen))
        for name, value in options.items():
            setattr(chosen, name, value)
        facts = None if patient is None else byref(model.patient(**patient))
        self.status = self.library.ecg2lab_stream_open(
            model.handle, byref(format_), facts, byref(chosen), byref(self.handle)
        )
        self.message = text(self.library.ecg2lab_last_error())

    def push(self, samples):
        stored = np.ascontiguousarray(samples.T if self.sample_major else samples, self.dtype)
        return self.library.ecg2lab_stream_push(self.handle, stored.ctypes.data, samples.shape[1])

    def finish(self):
        return self.library.ecg2lab_stream_finish(self.handle)

    def answers(self):
        """All that are due, refusals among them, without JSON, which says how the samples came too."""
        return [answer._replace(json=b"") for answer in self.complete_answers()]

    def complete_answers(self):
        answers = []
        while True:
            result = POINTER(Result)()
            status = self.library.ecg2lab_stream_next(self.handle, byref(result))
            if not result:
                assert status == OK, text(self.library.ecg2lab_last_error())
                return answers
            answers.append(self.model.copy(result[0]))
            assert status == answers[-1].status
            self.library.ecg2lab_result_free(result)

    def state(self):
        return self.library.ecg2lab_stream_describe(self.handle)[0]

    def lead(self, name):
        state = self.state()
        return next(x[0] for x in state.leads[: state.lead_count] if text(x[0].name) == name)

    def free(self):
        self.library.ecg2lab_stream_free(self.handle)
