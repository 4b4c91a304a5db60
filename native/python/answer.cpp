#include "answer/answer_json.h"
#include "answer/hl7.h"
#include "answer/notes.h"
#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

template <typename T>
T get(const py::handle& object, const char* name) {
  return object.attr(name).cast<T>();
}

template <typename T>
Named<T> get_named(const py::handle& object, const char* name) {
  Named<T> values;
  for (const auto& [key, value] : object.attr(name).cast<py::dict>()) {
    values.emplace_back(key.template cast<std::string>(), value.template cast<T>());
  }
  return values;
}

EncodedJson encoded(const py::function& encode, const py::handle& value) { return {encode(value).cast<std::string>()}; }

Named<FactValue> get_facts(const py::handle& object, const char* name, const py::function& encode) {
  Named<FactValue> facts;
  for (const auto& [key, value] : object.attr(name).cast<py::dict>()) {
    FactValue& fact = facts.emplace_back(key.cast<std::string>(), EncodedJson{}).second;
    if (py::isinstance<py::float_>(value)) {
      fact = value.cast<double>();
    } else if (py::isinstance<py::str>(value)) {
      fact = value.cast<std::string>();
    } else {
      fact = encoded(encode, value);
    }
  }
  return facts;
}

// What is None there is not there.
template <typename Function>
auto if_some(const py::object& object, Function read) -> std::optional<decltype(read(object))> {
  if (object.is_none()) return std::nullopt;
  return read(object);
}

Criterion read_criterion(const py::handle& criterion) {
  return {
      .lab = get<std::string>(criterion, "lab"),
      .loinc = get<std::optional<std::string>>(criterion, "loinc"),
      .unit = get<std::string>(criterion, "unit"),
      .comparison = get<std::string>(criterion, "comparison"),
      .threshold = get<double>(criterion, "threshold"),
      .setting = get<std::string>(criterion, "setting") == "prediction" ? Setting::prediction : Setting::forecasting,
      .horizon_min = get<std::int64_t>(criterion, "horizon_min"),
      .category = get<std::string>(criterion, "category")};
}

Measured read_measured(const py::handle& share) {
  return {get<double>(share, "value"), get<double>(share, "low"), get<double>(share, "high")};
}

ConformalSet read_conformal(const py::handle& conformal) {
  return {.error = get<double>(conformal, "error"),
          .positive_from = get<double>(conformal, "positive_from"),
          .negative_to = get<double>(conformal, "negative_to"),
          .coverage_positive = if_some(conformal.attr("coverage_positive"), read_measured),
          .coverage_negative = if_some(conformal.attr("coverage_negative"), read_measured),
          .unsure = if_some(conformal.attr("unsure"), read_measured)};
}

OperatingPoint read_point(const py::handle& point) {
  return {.windows = get<std::size_t>(point, "windows"),
          .facts = get<std::string>(point, "facts") == "all" ? KnownFacts::all : KnownFacts::age_and_sex,
          .most_missing = get<std::size_t>(point, "most_missing"),
          .threshold = get<std::optional<double>>(point, "threshold"),
          .reason = get<std::optional<std::string>>(point, "reason"),
          .patients = get<std::size_t>(point, "patients"),
          .positives = get<std::size_t>(point, "positives"),
          .negatives = get<std::size_t>(point, "negatives"),
          .prevalence = get<std::optional<double>>(point, "prevalence"),
          .sensitivity = if_some(point.attr("sensitivity"), read_measured),
          .specificity = if_some(point.attr("specificity"), read_measured),
          .ppv = if_some(point.attr("ppv"), read_measured),
          .npv = if_some(point.attr("npv"), read_measured),
          .conformal = if_some(point.attr("conformal"), read_conformal)};
}

FindingNote read_finding(const py::handle& finding) {
  return {.target = get<std::string>(finding, "target"),
          .code = get<std::string>(finding, "code"),
          .criterion = if_some(finding.attr("criterion"), read_criterion),
          .probability = get<double>(finding, "probability"),
          .lowest = get<double>(finding, "lowest"),
          .highest = get<double>(finding, "highest"),
          .verdict = get<std::string>(finding, "verdict"),
          .reason = get<std::optional<std::string>>(finding, "reason"),
          .base_rate = get<std::optional<double>>(finding, "base_rate"),
          .ratio = get<std::optional<double>>(finding, "ratio"),
          .rule = get<std::optional<std::string>>(finding, "rule"),
          .operating_point = if_some(finding.attr("operating_point"), read_point),
          .decision_threshold = get<std::optional<double>>(finding, "decision_threshold"),
          .detected = get<std::optional<bool>>(finding, "detected")};
}

FaultNote read_fault(const py::handle& fault) {
  return {.fault = get<std::string>(fault, "fault"),
          .severity = get<std::string>(fault, "severity"),
          .lead = get<std::optional<std::string>>(fault, "lead"),
          .other_lead = get<std::optional<std::string>>(fault, "other_lead"),
          .measured = get<double>(fault, "measured"),
          .limit = get<double>(fault, "limit"),
          .message = get<std::string>(fault, "message")};
}

QualityNote read_quality(const py::handle& quality) {
  QualityNote note{.verdict = get<std::string>(quality, "verdict"),
                   .faults = {},
                   .leads = {},
                   .recording = get_named<double>(quality, "recording")};
  for (const py::handle fault : quality.attr("faults")) note.faults.push_back(read_fault(fault));
  for (const auto& [lead, figures] : quality.attr("leads").cast<py::dict>()) {
    Named<double>& measured = note.leads.emplace_back(lead.cast<std::string>(), Named<double>()).second;
    for (const auto& [name, figure] : figures.cast<py::dict>()) {
      measured.emplace_back(name.cast<std::string>(), figure.cast<double>());
    }
  }
  return note;
}

ExperienceNote read_experience(const py::handle& experience) {
  return {.distance = get<double>(experience, "distance"),
          .limit = get<std::optional<double>>(experience, "limit"),
          .quantile = get<double>(experience, "quantile"),
          .outside = get<bool>(experience, "outside"),
          .reasons = get<std::vector<std::string>>(experience, "reasons")};
}

RecordingNote read_recording(const py::handle& recording) {
  return {.duration_s = get<double>(recording, "duration_s"),
          .sampling_rate_hz = get<double>(recording, "sampling_rate_hz"),
          .windows = get<std::size_t>(recording, "windows"),
          .unused_s = get<double>(recording, "unused_s"),
          .derived_leads = get<std::vector<std::string>>(recording, "derived_leads"),
          .ignored_channels = get<std::vector<std::string>>(recording, "ignored_channels"),
          .missing_samples = get_named<std::size_t>(recording, "missing_samples"),
          .clipped_samples = get_named<std::size_t>(recording, "clipped_samples"),
          .file_notes = get<std::vector<std::string>>(recording, "file_notes"),
          .quality = if_some(recording.attr("quality"), read_quality)};
}

PatientNote read_patient(const py::handle& patient, const py::function& encode) {
  return {.given = get_facts(patient, "given", encode),
          .from_recording = get<std::vector<std::string>>(patient, "from_recording"),
          .imputed = get_facts(patient, "imputed", encode),
          .unused = get<std::vector<std::string>>(patient, "unused"),
          .out_of_range = get<std::vector<std::string>>(patient, "out_of_range"),
          .origins = get_named<std::string>(patient, "origins"),
          .notes = get<std::vector<std::string>>(patient, "notes")};
}

EngineNote read_engine(const py::handle& engine) {
  return {.model = get<std::string>(engine, "model"),
          .bundle = get<std::string>(engine, "bundle"),
          .bundle_digest = get<std::string>(engine, "bundle_digest"),
          .synthetic_weights = get<std::optional<bool>>(engine, "synthetic_weights"),
          .notice = get<std::string>(engine, "notice"),
          .backend = get<std::string>(engine, "backend"),
          .provider = get<std::string>(engine, "provider"),
          .device = get<std::string>(engine, "device"),
          .precision = get<std::string>(engine, "precision"),
          .form = get<std::string>(engine, "form"),
          .threads = get<std::size_t>(engine, "threads"),
          .versions = get_named<std::string>(engine, "versions")};
}

ErrorNote read_error(const py::handle& error) {
  return {.type = get<std::string>(error, "type"), .message = get<std::string>(error, "message")};
}

Position read_position(const py::handle& position) {
  return {.window = get<std::int64_t>(position, "window"),
          .first_sample = get<std::int64_t>(position, "first_sample"),
          .last_sample = get<std::int64_t>(position, "last_sample"),
          .begin_s = get<double>(position, "begin_s"),
          .end_s = get<double>(position, "end_s"),
          .since_s = get<double>(position, "since_s"),
          .behind_s = get<double>(position, "behind_s"),
          .look_ahead_s = get<double>(position, "look_ahead_s"),
          .begin_time = get<std::optional<double>>(position, "begin_time")};
}

// `encode` writes what only Python can read: a source, explanations, facts of other types.
PredictionNote read_prediction(const py::object& prediction, const py::function& encode) {
  PredictionNote note{.notice = get<std::string>(prediction, "notice"),
                      .findings = {},
                      .recording = read_recording(prediction.attr("recording")),
                      .patient = read_patient(prediction.attr("patient"), encode),
                      .engine = read_engine(prediction.attr("engine")),
                      .source = encoded(encode, prediction.attr("source")),
                      .explanations = encoded(encode, prediction.attr("explanations")),
                      .record = get<std::optional<std::string>>(prediction, "record"),
                      .experience = if_some(prediction.attr("experience"), read_experience),
                      .position = {},
                      .refusal = {}};
  for (const py::handle finding : prediction.attr("findings")) note.findings.push_back(read_finding(finding));
  if (py::hasattr(prediction, "position")) {
    note.position = read_position(prediction.attr("position"));
    note.refusal = if_some(prediction.attr("refusal"), read_error);
  }
  return note;
}

RefusalNote read_refusal(const py::object& refusal) {
  return {.record = get<std::string>(refusal, "record"),
          .error = read_error(refusal.attr("error")),
          .quality = if_some(refusal.attr("quality"), read_quality)};
}

py::bytes prediction_json(const py::object& prediction, const py::function& encode) {
  return to_json(read_prediction(prediction, encode));
}

py::bytes refusal_json(const py::object& refusal) { return to_json(read_refusal(refusal)); }

Hl7Envelope read_envelope(const py::dict& fields) {
  Hl7Envelope envelope;
  for (const auto& [name, value] : fields) set_field(envelope, name.cast<std::string>(), value.cast<std::string>());
  return envelope;
}

py::bytes prediction_hl7(const py::object& prediction, const py::function& encode, const py::dict& fields,
                         const py::bytes& document) {
  Hl7Envelope envelope = read_envelope(fields);
  envelope.document = document;
  return to_hl7(read_prediction(prediction, encode), envelope);
}

py::bytes refusal_hl7(const py::object& refusal, const py::object& engine, const py::dict& fields,
                      const py::bytes& document) {
  Hl7Envelope envelope = read_envelope(fields);
  envelope.document = document;
  return to_hl7(read_refusal(refusal), read_engine(engine), envelope);
}

}  // namespace

void bind_answer(py::module_& module) {
  py::class_<RecordingNote>(module, "RecordingNote")
      .def_readonly("duration_s", &RecordingNote::duration_s)
      .def_readonly("sampling_rate_hz", &RecordingNote::sampling_rate_hz)
      .def_readonly("windows", &RecordingNote::windows)
      .def_readonly("unused_s", &RecordingNote::unused_s)
      .def_readonly("derived_leads", &RecordingNote::derived_leads)
      .def_readonly("ignored_channels", &RecordingNote::ignored_channels)
      .def_property_readonly("missing_samples", [](const RecordingNote& note) { return to_dict(note.missing_samples); })
      .def_property_readonly("clipped_samples",
                             [](const RecordingNote& note) { return to_dict(note.clipped_samples); });
  module.def("describe_recording", &describe_recording, "prepared"_a, "recorded"_a, "ignored"_a, "windows"_a,
             "contract"_a);
  module.def("prediction_json", &prediction_json, "prediction"_a, "encode"_a);
  module.def("refusal_json", &refusal_json, "refusal"_a);
  module.def("prediction_hl7", &prediction_hl7, "prediction"_a, "encode"_a, "fields"_a, "document"_a);
  module.def("refusal_hl7", &refusal_hl7, "refusal"_a, "engine"_a, "fields"_a, "document"_a);
}

}  // namespace ecg2lab::bindings
