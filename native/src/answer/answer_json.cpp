#include "answer/answer_json.h"

#include "answer/json_text.h"

namespace ecg2lab {
namespace {

constexpr std::int64_t kSchemaVersion = 2;

void write(std::string& out, const std::string& text) { append_json(out, text); }
void write(std::string& out, double value) { append_json(out, value); }
void write(std::string& out, bool value) { out += value ? "true" : "false"; }
void write(std::string& out, std::int64_t value) { out += std::to_string(value); }
void write(std::string& out, std::size_t value) { out += std::to_string(value); }
void write(std::string& out, const EncodedJson& json) { append_escaped(out, json.text); }
void write(std::string& out, const FactValue& value) {
  std::visit([&](const auto& fact) { write(out, fact); }, value);
}
void write(std::string& out, const Criterion& criterion);
void write(std::string& out, const ErrorNote& error);
void write(std::string& out, const FaultNote& fault);
void write(std::string& out, const FindingNote& finding);
void write(std::string& out, const Measured& share);
void write(std::string& out, const ConformalSet& conformal);
void write(std::string& out, const ExperienceNote& experience);
void write(std::string& out, const OperatingPoint& point);
void write(std::string& out, const QualityNote& quality);
void write(std::string& out, const RecordingNote& recording);
void write(std::string& out, const PatientNote& patient);
void write(std::string& out, const EngineNote& engine);
void write(std::string& out, const Position& position);
void write(std::string& out, const Effect& effect);
void write(std::string& out, const Explanation& explanation);
void write(std::string& out, const SegmentEffect& effect);

template <typename T>
void write(std::string& out, const Named<T>& values);

template <typename T>
void write(std::string& out, const std::optional<T>& value) {
  if (value) {
    write(out, *value);
  } else {
    out += "null";
  }
}

template <typename T>
void write(std::string& out, const std::vector<T>& items) {
  out += '[';
  for (const T& item : items) {
    if (&item != items.data()) out += ',';
    write(out, item);
  }
  out += ']';
}

// An object, while its fields are written.
class Object {
 public:
  explicit Object(std::string& out) : out_(out) { out_ += '{'; }
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { out_ += '}'; }

  template <typename T>
  Object& field(std::string_view name, const T& value) {
    if (!first_) out_ += ',';
    first_ = false;
    append_json(out_, name);
    out_ += ':';
    write(out_, value);
    return *this;
  }

 private:
  std::string& out_;
  bool first_ = true;
};

template <typename T>
void write(std::string& out, const Named<T>& values) {
  Object object(out);
  for (const auto& [name, value] : values) object.field(name, value);
}

void write(std::string& out, const Criterion& criterion) {
  Object(out)
      .field("lab", criterion.lab)
      .field("loinc", criterion.loinc)
      .field("unit", criterion.unit)
      .field("comparison", criterion.comparison)
      .field("threshold", criterion.threshold)
      .field("setting", std::string(word_of(criterion.setting)))
      .field("horizon_min", criterion.horizon_min)
      .field("category", criterion.category);
}

void write(std::string& out, const ErrorNote& error) {
  Object(out).field("type", error.type).field("message", error.message);
}

void write(std::string& out, const FaultNote& fault) {
  Object(out)
      .field("fault", fault.fault)
      .field("severity", fault.severity)
      .field("lead", fault.lead)
      .field("other_lead", fault.other_lead)
      .field("measured", fault.measured)
      .field("limit", fault.limit)
      .field("message", fault.message);
}

void write(std::string& out, const Measured& share) {
  Object(out).field("value", share.value).field("low", share.low).field("high", share.high);
}

void write(std::string& out, const OperatingPoint& point) {
  Object(out)
      .field("windows", point.windows)
      .field("facts", std::string(word_of(point.facts)))
      .field("most_missing", point.most_missing)
      .field("threshold", point.threshold)
      .field("reason", point.reason)
      .field("patients", point.patients)
      .field("positives", point.positives)
      .field("negatives", point.negatives)
      .field("prevalence", point.prevalence)
      .field("sensitivity", point.sensitivity)
      .field("specificity", point.specificity)
      .field("ppv", point.ppv)
      .field("npv", point.npv)
      .field("conformal", point.conformal);
}

void write(std::string& out, const ConformalSet& conformal) {
  Object(out)
      .field("error", conformal.error)
      .field("positive_from", conformal.positive_from)
      .field("negative_to", conformal.negative_to)
      .field("coverage_positive", conformal.coverage_positive)
      .field("coverage_negative", conformal.coverage_negative)
      .field("unsure", conformal.unsure);
}

void write(std::string& out, const ExperienceNote& experience) {
  Object(out)
      .field("distance", experience.distance)
      .field("limit", experience.limit)
      .field("quantile", experience.quantile)
      .field("outside", experience.outside)
      .field("reasons", experience.reasons);
}

void write(std::string& out, const FindingNote& finding) {
  Object(out)
      .field("target", finding.target)
      .field("code", finding.code)
      .field("criterion", finding.criterion)
      .field("probability", finding.probability)
      .field("lowest", finding.lowest)
      .field("highest", finding.highest)
      .field("verdict", finding.verdict)
      .field("reason", finding.reason)
      .field("base_rate", finding.base_rate)
      .field("ratio", finding.ratio)
      .field("rule", finding.rule)
      .field("operating_point", finding.operating_point)
      .field("decision_threshold", finding.decision_threshold)
      .field("detected", finding.detected);
}

void write(std::string& out, const QualityNote& quality) {
  Object(out)
      .field("verdict", quality.verdict)
      .field("faults", quality.faults)
      .field("leads", quality.leads)
      .field("recording", quality.recording);
}

void write(std::string& out, const RecordingNote& recording) {
  Object(out)
      .field("duration_s", recording.duration_s)
      .field("sampling_rate_hz", recording.sampling_rate_hz)
      .field("windows", recording.windows)
      .field("unused_s", recording.unused_s)
      .field("derived_leads", recording.derived_leads)
      .field("ignored_channels", recording.ignored_channels)
      .field("missing_samples", recording.missing_samples)
      .field("clipped_samples", recording.clipped_samples)
      .field("file_notes", recording.file_notes)
      .field("quality", recording.quality);
}

void write(std::string& out, const PatientNote& patient) {
  Object(out)
      .field("given", patient.given)
      .field("from_recording", patient.from_recording)
      .field("imputed", patient.imputed)
      .field("unused", patient.unused)
      .field("out_of_range", patient.out_of_range)
      .field("origins", patient.origins)
      .field("notes", patient.notes);
}

void write(std::string& out, const EngineNote& engine) {
  Object(out)
      .field("model", engine.model)
      .field("bundle", engine.bundle)
      .field("bundle_digest", engine.bundle_digest)
      .field("synthetic_weights", engine.synthetic_weights)
      .field("notice", engine.notice)
      .field("backend", engine.backend)
      .field("provider", engine.provider)
      .field("device", engine.device)
      .field("precision", engine.precision)
      .field("form", engine.form)
      .field("threads", engine.threads)
      .field("versions", engine.versions);
}

void write(std::string& out, const Position& position) {
  Object(out)
      .field("window", position.window)
      .field("first_sample", position.first_sample)
      .field("last_sample", position.last_sample)
      .field("begin_s", position.begin_s)
      .field("end_s", position.end_s)
      .field("since_s", position.since_s)
      .field("behind_s", position.behind_s)
      .field("look_ahead_s", position.look_ahead_s)
      .field("begin_time", position.begin_time);
}

void write(std::string& out, const Effect& effect) {
  Object(out).field("part", effect.part).field("logit", effect.logit).field("probability", effect.probability);
}

void write(std::string& out, const SegmentEffect& effect) {
  Object(out)
      .field("start_s", effect.start_s)
      .field("end_s", effect.end_s)
      .field("logit", effect.logit)
      .field("probability", effect.probability);
}

void write(std::string& out, const Explanation& explanation) {
  Object(out)
      .field("target", explanation.target)
      .field("logit", explanation.logit)
      .field("probability", explanation.probability)
      .field("leads", explanation.leads)
      .field("segments", explanation.segments)
      .field("facts", explanation.facts)
      .field("ecg", explanation.ecg)
      .field("patient", explanation.patient)
      .field("not_removable", explanation.not_removable);
}

void write(std::string& out, const PredictionNote& prediction) {
  Object object(out);
  object.field("notice", prediction.notice)
      .field("findings", prediction.findings)
      .field("recording", prediction.recording)
      .field("patient", prediction.patient)
      .field("engine", prediction.engine)
      .field("source", prediction.source)
      .field("explanations", prediction.explanations)
      .field("record", prediction.record)
      .field("experience", prediction.experience)
      .field("schema_version", kSchemaVersion);
  if (prediction.position) object.field("position", *prediction.position).field("refusal", prediction.refusal);
}

}  // namespace

std::string to_json(const PredictionNote& prediction) {
  std::string out;
  write(out, prediction);
  return out;
}

std::string to_json(const RefusalNote& refusal) {
  std::string out;
  Object(out)
      .field("record", refusal.record)
      .field("error", refusal.error)
      .field("quality", refusal.quality)
      .field("schema_version", kSchemaVersion);
  return out;
}

std::string to_json(const Named<std::string>& texts) {
  std::string out;
  write(out, texts);
  return out;
}

std::string to_json(const std::vector<Explanation>& explanations) {
  std::string out;
  write(out, explanations);
  return out;
}

}  // namespace ecg2lab
