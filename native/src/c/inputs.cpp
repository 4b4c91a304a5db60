#include "c/inputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "c/status.h"

namespace ecg2lab::c {
namespace {

constexpr std::size_t kMostLeads = 64, kMostSamples = std::size_t{1} << 28, kMostSourceFields = 1000;

void require(bool condition, const std::string& message) {
  if (!condition) throw ArgumentError(message);
}

SampleType to_sample_type(int32_t code) {
  require(code >= ECG2LAB_FLOAT && code <= ECG2LAB_INT32, "recording: unknown sample_type " + std::to_string(code));
  return SampleType(code);
}

Unit to_unit(int32_t code) {
  require(code >= ECG2LAB_MICROVOLT && code <= ECG2LAB_ADC,
          code == 0 ? "recording: unit is not set" : "recording: unknown unit " + std::to_string(code));
  return Unit(code - ECG2LAB_MICROVOLT);
}

std::vector<double> to_numbers(const char* name, const double* numbers, std::size_t count, std::size_t leads) {
  if (numbers == nullptr) {
    require(count == 0, std::string("recording: ") + name + " is NULL and its count is not 0");
    return {};
  }
  require(count == 1 || count == leads, std::string("recording: ") + name + "_count must be 1 or lead_count");
  return {numbers, numbers + count};
}

std::vector<std::string> to_names(const char* const* names, std::size_t count) {
  require(names != nullptr, "recording: leads is NULL");
  std::vector<std::string> copies;
  for (std::size_t i = 0; i < count; ++i) {
    require(names[i] != nullptr, "recording: the name of lead " + std::to_string(i) + " is NULL");
    copies.emplace_back(names[i]);
  }
  return copies;
}

std::size_t size_of(SampleType type) {
  switch (type) {
    case SampleType::float32:
    case SampleType::int32:
      return 4;
    case SampleType::float64:
      return 8;
    case SampleType::int16:
      return 2;
  }
  return 8;
}

// Whether the last sample can be addressed at all.
bool addressable(const RawSamples& samples) {
  const std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / size_of(samples.type) / 2;
  const auto fits = [&](std::size_t steps, std::ptrdiff_t stride) {
    return steps == 0 || (stride >= 0 && static_cast<std::size_t>(stride) <= most / steps);
  };
  return fits(samples.leads - 1, samples.lead_stride) && fits(samples.samples - 1, samples.sample_stride);
}

// Whether two leads share a sample: where the first sample of one is a sample of the other. They are addressable.
bool leads_overlap(const RawSamples& samples) {
  for (std::ptrdiff_t apart = 1; apart < static_cast<std::ptrdiff_t>(samples.leads); ++apart) {
    const std::ptrdiff_t distance = apart * samples.lead_stride;
    if (distance % samples.sample_stride == 0 &&
        static_cast<std::size_t>(distance / samples.sample_stride) < samples.samples) {
      return true;
    }
  }
  return false;
}

void check_memory(const RawSamples& samples, std::size_t buffer_bytes) {
  require(addressable(samples), "recording: lead_stride or sample_stride is beyond any memory");
  require(!leads_overlap(samples),
          "recording: by lead_stride and sample_stride leads share samples (are the two exchanged?)");
  const std::size_t last = (samples.leads - 1) * static_cast<std::size_t>(samples.lead_stride) +
                           (samples.samples - 1) * static_cast<std::size_t>(samples.sample_stride);
  const std::size_t bytes = (last + 1) * size_of(samples.type);
  require(buffer_bytes == 0 || bytes <= buffer_bytes, "recording: its samples take " + std::to_string(bytes) +
                                                          " bytes, and buffer_bytes is " +
                                                          std::to_string(buffer_bytes));
}

std::optional<std::int32_t> to_missing_code(const ecg2lab_recording& recording) {
  require(recording.has_missing_code == 0 || recording.has_missing_code == 1,
          "recording: has_missing_code must be 0 or 1");
  if (recording.has_missing_code == 0) return std::nullopt;
  const int32_t code = recording.missing_code;
  const SampleType type = to_sample_type(recording.sample_type);
  require(type == SampleType::int16 || type == SampleType::int32,
          "recording: missing_code is for integer samples; of others NaN is missing");
  require(type == SampleType::int32 || (code >= INT16_MIN && code <= INT16_MAX),
          "recording: missing_code " + std::to_string(code) + " is no number of 16 bits");
  return code;
}

// Leads, strides and sample type, which say where any sample lies.
void check_layout(const ecg2lab_recording& recording) {
  require(recording.lead_count >= 1 && recording.lead_count <= kMostLeads,
          "recording: lead_count must be between 1 and " + std::to_string(kMostLeads));
  to_sample_type(recording.sample_type);
  const bool packed = recording.lead_stride == 0 && recording.sample_stride == 0;
  const bool overlap = (recording.lead_stride == 0 && recording.lead_count > 1) || recording.sample_stride == 0;
  require(packed || !overlap, "recording: lead_stride and sample_stride must both be set, or neither");
}

struct NamedFact {
  const char* name;
  double ecg2lab_patient::* value;
};
constexpr std::array<NamedFact, 11> kNumbers{{{"age", &ecg2lab_patient::age},
                                              {"respiratory_per_min", &ecg2lab_patient::respiratory_per_min},
                                              {"spo2_percent", &ecg2lab_patient::spo2_percent},
                                              {"diastolic_mmhg", &ecg2lab_patient::diastolic_mmhg},
                                              {"systolic_mmhg", &ecg2lab_patient::systolic_mmhg},
                                              {"heart_rate_bpm", &ecg2lab_patient::heart_rate_bpm},
                                              {"temperature_c", &ecg2lab_patient::temperature_c},
                                              {"temperature_f", &ecg2lab_patient::temperature_f},
                                              {"height_cm", &ecg2lab_patient::height_cm},
                                              {"weight_kg", &ecg2lab_patient::weight_kg},
                                              {"bmi", &ecg2lab_patient::bmi}}};

constexpr std::array kSexes{"female", "male"};
constexpr std::array kRaces{"asian", "black", "hispanic", "other", "white"};

std::function<void(std::size_t)> to_hook(ecg2lab_thread_hook hook, void* user) {
  if (hook == nullptr) return nullptr;
  return [hook, user](std::size_t thread) { hook(user, thread); };
}

template <std::size_t N>
void add_word(Patient& patient, const char* name, int32_t code, const std::array<const char*, N>& words) {
  if (code == -1) return;
  require(code >= 0 && static_cast<std::size_t>(code) < N,
          std::string("patient: ") + name + " has an unknown code (-1 is not known)");
  patient.words[name] = words[static_cast<std::size_t>(code)];
}

}  // namespace

ModelOptions to_options(const ecg2lab_options& options) {
  require(options.out_of_range == ECG2LAB_OUT_OF_RANGE_REFUSE || options.out_of_range == ECG2LAB_OUT_OF_RANGE_IMPUTE,
          "options: unknown out_of_range " + std::to_string(options.out_of_range));
  return {.precision = options.precision == nullptr ? "" : options.precision,
          .threads = options.threads,
          .out_of_range = OutOfRange(options.out_of_range),
          .hooks = {.begin = to_hook(options.thread_begin, options.thread_user),
                    .end = to_hook(options.thread_end, options.thread_user)}};
}

std::vector<std::size_t> to_targets(const ecg2lab_explain_options& options, const Contract& contract) {
  std::vector<std::size_t> targets;
  if (options.targets == nullptr) {
    require(options.target_count == 0, "explain: targets is NULL and target_count is not 0");
    for (std::size_t i = 0; i < contract.targets.size(); ++i) targets.push_back(i);
    return targets;
  }
  for (std::size_t i = 0; i < options.target_count; ++i) {
    const char* const name = options.targets[i];
    require(name != nullptr, "explain: the name of target " + std::to_string(i) + " is NULL");
    const auto found = std::find_if(contract.targets.begin(), contract.targets.end(),
                                    [&](const Target& target) { return target.name == name; });
    require(found != contract.targets.end(), std::string("explain: the model has no target ") + name);
    targets.push_back(static_cast<std::size_t>(found - contract.targets.begin()));
  }
  return targets;
}

RawSamples to_samples(const ecg2lab_recording& recording, const void* data, std::size_t count) {
  require(data != nullptr, "recording: samples is NULL");
  require(count >= 1 && count <= kMostSamples,
          "recording: sample_count must be between 1 and " + std::to_string(kMostSamples));
  check_layout(recording);
  RawSamples samples{.data = data,
                     .type = to_sample_type(recording.sample_type),
                     .leads = recording.lead_count,
                     .samples = count,
                     .lead_stride = static_cast<std::ptrdiff_t>(recording.lead_stride),
                     .sample_stride = static_cast<std::ptrdiff_t>(recording.sample_stride)};
  if (samples.lead_stride == 0 && samples.sample_stride == 0) {
    samples.lead_stride = static_cast<std::ptrdiff_t>(samples.samples);
    samples.sample_stride = 1;
  }
  check_memory(samples, recording.buffer_bytes);
  return samples;
}

RecordingFormat to_format(const ecg2lab_recording& recording) {
  check_layout(recording);
  return {.unit = to_unit(recording.unit),
          .gain = to_numbers("gain", recording.gain, recording.gain_count, recording.lead_count),
          .baseline = to_numbers("baseline", recording.baseline, recording.baseline_count, recording.lead_count),
          .leads = to_names(recording.leads, recording.lead_count),
          .sampling_rate_hz = recording.sampling_rate_hz,
          .missing_code = to_missing_code(recording)};
}

RawRecording to_raw_recording(const ecg2lab_recording& recording) {
  return {.samples = to_samples(recording, recording.samples, recording.sample_count), .format = to_format(recording)};
}

StreamOptions to_options(const ecg2lab_stream_options& options) {
  return {
      .hop_s = options.hop_s, .longest_gap_s = options.longest_gap_s, .longest_backlog_s = options.longest_backlog_s};
}

Patient to_patient(const ecg2lab_patient& patient) {
  Patient facts;
  for (const auto& [name, value] : kNumbers) {
    if (!std::isnan(patient.*value)) facts.numbers[name] = patient.*value;
  }
  add_word(facts, "sex", patient.sex, kSexes);
  add_word(facts, "race", patient.race, kRaces);
  return facts;
}

SourceFields to_source(const ecg2lab_recording& recording) {
  require(recording.source != nullptr || recording.source_count == 0,
          "recording: source is NULL and source_count is not 0");
  require(recording.source_count <= kMostSourceFields, "recording: source has too many fields");
  SourceFields fields;
  for (std::size_t i = 0; i < recording.source_count; ++i) {
    const auto& [name, value] = recording.source[i];
    require(name != nullptr && value != nullptr, "recording: source field " + std::to_string(i) + " has a NULL in it");
    fields.emplace_back(name, value);
  }
  return fields;
}

Hl7Envelope to_envelope(const ecg2lab_hl7& fields) {
  Hl7Envelope envelope;
#define ECG2LAB_HL7_TEXT(name, longest, usual) \
  if (fields.name != nullptr) envelope.name = fields.name;
#include "answer/hl7_fields.inc"
#undef ECG2LAB_HL7_TEXT
  if (fields.document != nullptr) {
    envelope.document = {static_cast<const char*>(fields.document), fields.document_size};
  } else if (fields.document_size > 0) {
    throw ArgumentError("hl7: document is NULL, and has a size");
  }
  return envelope;
}

}  // namespace ecg2lab::c
