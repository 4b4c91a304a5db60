#include "model.h"

#include <algorithm>
#include <stdexcept>

#include "bundle/safetensors.h"
#include "engine/kernels/instruction_sets.h"
#include "prepare/for_contract.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kMostThreads = 256;
constexpr std::size_t kMostWindowsAtOnce = 64;  // bounds the memory of a day's recording

Bundle require_architecture(Bundle bundle) {
  const std::string& architecture = bundle.manifest().architecture;
  if (architecture == kS4Fusion) return bundle;
  throw Error(ErrorKind::bundle, bundle.source() + " holds a network of architecture '" + architecture +
                                     "', which this library does not know: it was made by a newer ecg2lab");
}

// One that the bundle allows, and that this CPU has the instructions for.
Precision select_precision(const Manifest& manifest, const std::string& requested) {
  const std::string& carried = manifest.precision;
  const std::string name = requested.empty() ? carried : requested;
  if (name != carried && !manifest.gates.contains(name)) {
    throw Error(ErrorKind::backend,
                "precision '" + name + "' is not in this bundle, which carries " + carried + ", nor has it a gate");
  }
  try {
    const Precision precision = precision_of(name);
    select_product(precision, "");
    return precision;
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::backend, error.what());
  }
}

std::size_t check_threads(std::size_t threads) {
  if (threads < 1 || threads > kMostThreads) {
    throw Error(ErrorKind::backend,
                "threads must be between 1 and " + std::to_string(kMostThreads) + ", not " + std::to_string(threads));
  }
  return threads;
}

NetworkSizes sizes(const Contract& contract) {
  return {.leads = contract.signal.leads.size(),
          .window = contract.signal.window_samples,
          .continuous = contract.continuous_columns(),
          .categorical = contract.codes_per_column(),
          .targets = contract.targets.size()};
}

Engine make_engine(const Bundle& bundle, const EngineOptions& options) {
  if (const auto& left_out = bundle.proof().left_out; left_out.contains("native")) {
    throw Error(ErrorKind::backend,
                bundle.source() + " was exported without the native backend: " + left_out.at("native"));
  }
  const std::string name = "weights.safetensors";
  const Safetensors weights = read_safetensors(bundle.member(name), bundle.source() + ": " + name);
  try {
    return Engine(weights.tensors, sizes(bundle.contract()), options);
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::bundle, bundle.source() + ": " + name + " does not fit its contract: " + error.what());
  }
}

Named<FactValue> to_values(const std::vector<std::pair<std::string, Fact>>& facts) {
  Named<FactValue> values;
  for (const auto& [name, fact] : facts) {
    values.emplace_back(name, std::visit([](const auto& value) -> FactValue { return value; }, fact));
  }
  return values;
}

template <typename T>
std::vector<T> repeat(const std::vector<T>& row, std::size_t times) {
  std::vector<T> rows;
  rows.reserve(row.size() * times);
  for (std::size_t i = 0; i < times; ++i) rows.insert(rows.end(), row.begin(), row.end());
  return rows;
}

}  // namespace

Model::Model(Bundle bundle, const ModelOptions& options)
    : bundle_(require_architecture(std::move(bundle))),
      engine_(make_engine(bundle_, {.threads = check_threads(options.threads),
                                    .precision = select_precision(bundle_.manifest(), options.precision)})),
      trained_(TrainedFeatures::of(bundle_)),
      out_of_range_(options.out_of_range) {}

Features Model::encode_features(const Patient& patient) const {
  return ecg2lab::encode_features(patient, contract(), out_of_range_);
}

Answer Model::predict(const RawRecording& raw, const Patient& patient) const {
  Answer result;
  result.leads.resize(contract().signal.leads.size());
  result.patient = patient;
  try {
    answer(raw, result);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::backend) throw;
    if (!result.refused) result.refused = Refused{.kind = error.kind(), .message = error.what()};
  }
  return result;
}

// What Python refuses first is refused first here, but a cart that shows electrodes wants to know of all leads even
// where the patient's facts are refused.
void Model::answer(const RawRecording& raw, Answer& answer) const {
  const Recording recording = to_recording(raw);
  answer.recording.duration_s = static_cast<double>(raw.samples.samples) / recording.sampling_rate_hz;
  try {
    answer.features = encode_features(answer.patient);
  } catch (const Error& error) {
    answer.refused = Refused{.kind = error.kind(), .message = error.what()};
  }
  const auto& names = contract().signal.leads;
  for (const std::string& lead : missing_leads(recording.leads, names)) {
    answer.leads[static_cast<std::size_t>(std::find(names.begin(), names.end(), lead) - names.begin())].missing = true;
  }
  judge_and_run(prepare(recording, contract()), recording.leads, {}, answer);
}

Answer Model::answer_window(const StreamWindow& window, const std::vector<std::string>& leads, double longest_gap_s,
                            Answer answer) const {
  answer.leads.resize(contract().signal.leads.size());
  answer.begin = window.begin;
  judge_and_run(window.prepared, leads, longest_gap_s, answer);
  return answer;
}

void Model::judge_and_run(const Prepared& prepared, const std::vector<std::string>& leads,
                          std::optional<double> longest_gap_s, Answer& answer) const {
  const Quality& quality = answer.quality.emplace(judge(prepared, contract(), longest_gap_s));
  for (std::size_t i = 0; i < answer.leads.size(); ++i) {
    answer.leads[i].report = prepared.leads[i];
    if (prepared.figures) answer.leads[i].figures = prepared.figures->leads[i];
  }
  if (!answer.refused && quality.refusal) {
    answer.refused = Refused{.kind = quality.kind(), .fault = quality.refusal, .message = quality.message};
  }
  const std::size_t windows = count_windows(prepared.signal.columns, contract().signal.window_samples).windows;
  answer.recording = describe_recording(prepared, leads, {}, windows, contract());
  answer.recording.quality = describe_quality(quality, prepared, contract());
  if (answer.refused) {
    answer.recording.windows = 0, answer.recording.unused_s = 0;
  } else {
    Decided decided = run(prepared, answer.features, windows);
    answer.findings = std::move(decided.verdicts);
    answer.familiarity = std::move(decided.familiarity);
  }
}

PredictionNote Model::describe(const Answer& answer) const {
  PredictionNote note{.notice = manifest().notice(),
                      .findings = {},
                      .recording = answer.recording,
                      .patient = {.given = to_values(answer.patient.facts()),
                                  .from_recording = {},
                                  .imputed = to_values(answer.features.imputed),
                                  .unused = answer.features.unused,
                                  .out_of_range = answer.features.out_of_range},
                      .engine = describe_engine(),
                      .record = {},
                      .experience = {},
                      .position = answer.position,
                      .refusal = {}};
  for (std::size_t i = 0; i < answer.findings.size(); ++i) {
    note.findings.push_back(describe_finding(answer.findings[i], contract().targets[i]));
  }
  if (answer.familiarity) note.experience = describe_experience(*answer.familiarity);
  if (answer.refused) note.refusal = ErrorNote{error_name(answer.refused->kind), answer.refused->message};
  return note;
}

EngineNote Model::describe_engine() const {
  const std::string& source = bundle_.source();
  return {.model = contract().name,
          .bundle = source.substr(source.find_last_of("/\\") + 1),
          .bundle_digest = digest(),
          .synthetic_weights = manifest().synthetic_weights,
          .notice = manifest().notice(),
          .backend = "native",
          .provider = engine_.instruction_set(),
          .device = "cpu",
          .precision = name_of(engine_.precision()),
          .form = manifest().form,
          .threads = engine_.threads(),
          .versions = {}};
}

Decided Model::run(const Prepared& prepared, const Features& features, std::size_t windows) const {
  const Signal& signal = contract().signal;
  const std::size_t window = signal.leads.size() * signal.window_samples, targets = contract().targets.size();
  const std::size_t width = trained_ ? engine_.features() : 0;
  std::vector<float> cut(windows * window), logits(windows * targets), penultimate(windows * width);
  cut_windows(prepared.signal, signal.window_samples, cut.data());
  const std::size_t most = std::min(windows, kMostWindowsAtOnce);
  const auto continuous = repeat(features.continuous, most);
  const auto categorical = repeat(features.categorical, most);
  for (std::size_t first = 0; first < windows; first += most) {
    const std::size_t batch = std::min(most, windows - first);
    engine_.run({&cut[first * window], continuous.data(), categorical.data(), batch}, &logits[first * targets],
                trained_ ? &penultimate[first * width] : nullptr);
  }
  const NetworkOutput output{{logits.data(), windows, targets}, {penultimate.data(), windows, width}};
  return decide(output, features, contract(), trained_ ? &*trained_ : nullptr);
}

}  // namespace ecg2lab
