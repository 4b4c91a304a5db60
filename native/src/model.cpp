#include "model.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "bundle/safetensors.h"
#include "engine/kernels/instruction_sets.h"
#include "prepare/for_contract.h"
#include "prepare/leads.h"

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
Precision select_precision(const Manifest& manifest, const std::string& wanted) {
  const std::string& carried = manifest.precision;
  const std::string name = wanted.empty() ? carried : wanted;
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

std::vector<DecisionRule> rules(const Contract& contract) {
  std::vector<DecisionRule> all;
  for (const Target& target : contract.targets) {
    const Calibration calibration = target.calibration.value_or(Calibration{.slope = 1, .intercept = 0});
    all.push_back({calibration.slope, calibration.intercept,
                   target.decision_threshold.value_or(std::numeric_limits<double>::quiet_NaN())});
  }
  return all;
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
      out_of_range_(options.out_of_range) {}

Features Model::encode_features(const Patient& patient) const {
  return ecg2lab::encode_features(patient, contract(), out_of_range_);
}

Answer Model::predict(const RawRecording& raw, const Patient& patient) const {
  Answer result;
  result.leads.resize(contract().signal.leads.size());
  try {
    answer(raw, patient, result);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::backend) throw;
    if (!result.refused) result.refused = Refused{.kind = error.kind(), .message = error.what()};
  }
  return result;
}

// What Python refuses first is refused first here, but a cart that shows electrodes wants to know of all leads even
// where the patient's facts are refused.
void Model::answer(const RawRecording& raw, const Patient& patient, Answer& answer) const {
  const Recording recording = to_recording(raw);
  answer.duration_s = recording.duration_s();
  try {
    answer.features = encode_features(patient);
  } catch (const Error& error) {
    answer.refused = Refused{.kind = error.kind(), .message = error.what()};
  }
  const Prepared prepared = prepare_leads(recording, answer);
  judge_and_run(prepared, {recording.samples.columns, recording.sampling_rate_hz, contract().signal.window_s()},
                answer);
}

Answer Model::answer_window(const StreamWindow& window, const Features& features,
                            const RecordedLength& recorded) const {
  Answer answer;
  answer.leads.resize(contract().signal.leads.size());
  answer.features = features;
  answer.duration_s = contract().signal.window_s();
  answer.begin = window.begin;
  judge_and_run(window.prepared, recorded, answer);
  return answer;
}

void Model::judge_and_run(const Prepared& prepared, const RecordedLength& recorded, Answer& answer) const {
  const QualityFigures* figures = prepared.quality ? &*prepared.quality : nullptr;
  const Quality& quality =
      answer.quality.emplace(judge_quality(prepared.leads, figures, prepared.signal.columns, recorded, contract()));
  for (std::size_t i = 0; i < answer.leads.size(); ++i) {
    answer.leads[i].report = prepared.leads[i];
    if (figures != nullptr) answer.leads[i].figures = figures->leads[i];
  }
  if (!answer.refused && quality.refusal) {
    answer.refused = Refused{.kind = quality.kind(), .fault = quality.refusal, .message = quality.message};
  }
  if (answer.refused) return;
  const WindowCount count = count_windows(prepared.signal.columns, contract().signal.window_samples);
  answer.windows = count.windows;
  answer.unused_s = static_cast<double>(count.remainder) / contract().signal.sampling_rate_hz;
  answer.findings = run(prepared, answer.features, count.windows);
}

Prepared Model::prepare_leads(const Recording& recording, Answer& answer) const {
  const auto sources = map_leads(recording.leads, contract().signal.leads);
  for (std::size_t i = 0; i < sources.size(); ++i) answer.leads[i].missing = !sources[i].found();
  check_leads(recording.leads, contract());
  const Matrix<double>& samples = recording.samples;
  const PrepareOptions options = prepare_options(contract());
  try {
    return prepare({samples.values.data(), samples.rows, samples.columns}, recording.leads, recording.sampling_rate_hz,
                   options);
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::recording, std::string("this recording cannot be used: ") + error.what());
  }
}

std::vector<Decision> Model::run(const Prepared& prepared, const Features& features, std::size_t windows) const {
  const Signal& signal = contract().signal;
  const std::size_t window = signal.leads.size() * signal.window_samples, targets = contract().targets.size();
  std::vector<float> cut(windows * window), logits(windows * targets);
  cut_windows(prepared.signal, signal.window_samples, cut.data());
  const std::size_t most = std::min(windows, kMostWindowsAtOnce);
  const auto continuous = repeat(features.continuous, most);
  const auto categorical = repeat(features.categorical, most);
  for (std::size_t first = 0; first < windows; first += most) {
    const std::size_t batch = std::min(most, windows - first);
    engine_.run({&cut[first * window], continuous.data(), categorical.data(), batch}, &logits[first * targets]);
  }
  try {
    return decide({logits.data(), windows, targets}, rules(contract()));
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::backend, std::string("the network's output cannot be used: ") + error.what());
  }
}

}  // namespace ecg2lab
