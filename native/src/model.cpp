#include "model.h"

#include <algorithm>
#include <stdexcept>

#include "answer/answer_json.h"
#include "base/interruption.h"
#include "bundle/safetensors.h"
#include "engine/kernels/instruction_sets.h"
#include "prepare/for_contract.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kMostThreads = 256;
constexpr std::size_t kMostWindowsAtOnce = 64;  // bounds the memory of a day's recording

void require_architecture(const Bundle& bundle) {
  const std::string& architecture = bundle.manifest().architecture;
  if (architecture == kS4Fusion) return;
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

// None where the host runs the network.
std::optional<Engine> make_engine(const Bundle& bundle, const ModelOptions& chosen) {
  if (chosen.runner == Runner::host) {
    if (chosen.precision.empty() || chosen.precision == bundle.manifest().precision) return std::nullopt;
    throw Error(ErrorKind::backend, "precision '" + chosen.precision +
                                        "' is not that of this bundle's graph, which is " +
                                        bundle.manifest().precision);
  }
  require_architecture(bundle);
  const EngineOptions options{.threads = check_threads(chosen.threads),
                              .precision = select_precision(bundle.manifest(), chosen.precision),
                              .hooks = chosen.hooks};
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

EngineNote describe_engine(const Bundle& bundle, const Engine* engine) {
  const Manifest& manifest = bundle.manifest();
  const std::string& source = bundle.source();
  const HostEngine unstated;
  return {.model = manifest.contract.name,
          .bundle = source.substr(source.find_last_of("/\\") + 1),
          .bundle_digest = bundle.digest(),
          .synthetic_weights = manifest.synthetic_weights,
          .notice = manifest.notice(),
          .backend = engine ? "native" : "host",
          .provider = engine ? engine->instruction_set() : unstated.provider,
          .device = engine ? "cpu" : unstated.device,
          .precision = engine ? name_of(engine->precision()) : manifest.precision,
          .form = manifest.form,
          .threads = engine ? engine->threads() : unstated.threads,
          .versions = {}};
}

std::shared_ptr<const TrainedFeatures> read_trained(const Bundle& bundle) {
  auto trained = TrainedFeatures::of(bundle);
  return trained ? std::make_shared<const TrainedFeatures>(std::move(*trained)) : nullptr;
}

}  // namespace

Provenance::Provenance(const Bundle& bundle, const Engine* engine)
    : manifest_(bundle.shared_manifest()), engine_(describe_engine(bundle, engine)) {}

PredictionNote Provenance::describe(const Answer& answer) const {
  PredictionNote note{.notice = engine_.notice,
                      .findings = {},
                      .recording = answer.recording,
                      .patient = {.given = to_values(answer.patient.facts()),
                                  .from_recording = {},
                                  .imputed = to_values(answer.features.imputed),
                                  .unused = answer.features.unused,
                                  .out_of_range = answer.features.out_of_range},
                      .engine = engine_,
                      .record = {},
                      .experience = {},
                      .position = answer.position,
                      .refusal = {}};
  if (answer.host) {  // never what did not compute
    note.engine.backend = "host", note.engine.precision = manifest().precision;
    note.engine.provider = answer.host->provider, note.engine.device = answer.host->device;
    note.engine.threads = answer.host->threads;
  }
  for (std::size_t i = 0; i < answer.findings.size(); ++i) {
    note.findings.push_back(describe_finding(answer.findings[i], contract().targets[i]));
  }
  note.explanations = {to_json(answer.explanations)};
  if (answer.familiarity) note.experience = describe_experience(*answer.familiarity);
  if (answer.refused) note.refusal = ErrorNote{error_name(answer.refused->kind), joined(answer.refused->messages)};
  return note;
}

Answer decide_answer(Answer so_far, const NetworkOutput& output, const Contract& contract,
                     const TrainedFeatures* trained) {
  if (so_far.refused) return so_far;
  Decided decided = decide(output, so_far.features, contract, trained);
  so_far.findings = std::move(decided.verdicts);
  so_far.familiarity = std::move(decided.familiarity);
  return so_far;
}

Model::Model(Bundle bundle, const ModelOptions& options)
    : bundle_(std::move(bundle)),
      engine_(make_engine(bundle_, options)),
      provenance_(std::make_shared<const Provenance>(bundle_, engine())),
      trained_(read_trained(bundle_)),
      out_of_range_(options.out_of_range) {}

void Model::require_engine() const {
  if (engine_) return;
  throw Error(
      ErrorKind::backend,
      "this model was loaded without an engine: prepare and decide, and run its window graph in between; or load it "
      "with one");
}

Features Model::encode_features(const Patient& patient) const {
  return ecg2lab::encode_features(patient, contract(), out_of_range_);
}

Answer Model::predict(const RawRecording& recording, const Patient& patient) const {
  require_engine();
  return run(prepare(recording, patient));
}

namespace {

// Calls `work`; what it refuses becomes the answer's refusal, unless there is one.
template <typename Work>
void refusing(Answer& answer, Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::backend) throw;
    if (!answer.refused) answer.refused = Refused{.kind = error.kind(), .messages = error.messages()};
  }
}

}  // namespace

// What Python refuses first is refused first here, but a cart that shows electrodes wants to know of all leads even
// where the patient's facts are refused.
Question Model::prepare(const RawRecording& raw, const Patient& patient) const {
  Question question;
  Answer& answer = question.so_far;
  answer.patient = patient;
  refusing(answer, [&] {
    const Recording recording = to_recording(raw);
    refusing(answer, [&] { answer.features = encode_features(patient); });
    const Prepared prepared = prepare_signal(recording, answer);
    judge(prepared, recording.leads, {}, answer);
    cut(prepared, question);
  });
  answer.leads.resize(contract().signal.leads.size());
  return question;
}

Answer Model::judge(const RawRecording& raw) const {
  Answer answer;
  refusing(answer, [&] {
    const Recording recording = to_recording(raw);
    judge(prepare_signal(recording, answer), recording.leads, {}, answer);
  });
  answer.leads.resize(contract().signal.leads.size());
  answer.recording.windows = 0, answer.recording.unused_s = 0;
  return answer;
}

Answer Model::explain(const RawRecording& recording, const Patient& patient, const std::vector<std::size_t>& targets,
                      double segment_s) const {
  require_engine();
  Question question = prepare(recording, patient);
  if (question.so_far.refused) return std::move(question.so_far);
  const Occlusion occlusion(contract(), question.signal, patient, out_of_range_, segment_s);
  Answer answer = run(std::move(question));
  const NetworkSizes& sizes = engine_->sizes();
  const std::size_t rows = occlusion.rows();
  std::vector<float> logits(rows * sizes.targets), signal(sizes.leads * sizes.window), continuous(sizes.continuous);
  std::vector<std::int64_t> categorical(sizes.categorical.size());
  for (std::size_t row = 0; row < rows; ++row) {
    occlusion.fill(row, 1, signal.data(), continuous.data(), categorical.data());
    engine_->run({signal.data(), continuous.data(), categorical.data(), 1}, &logits[row * sizes.targets]);
  }
  answer.explanations = occlusion.explain({logits.data(), rows, sizes.targets}, targets);
  return answer;
}

Answer Model::answer_window(const StreamWindow& window, const std::vector<std::string>& leads, double longest_gap_s,
                            Answer answer) const {
  answer.leads.resize(contract().signal.leads.size());
  answer.begin = window.begin;
  Question question{.so_far = std::move(answer), .windows = 0, .signal = {}, .continuous = {}, .categorical = {}};
  judge(window.prepared, leads, longest_gap_s, question.so_far);
  cut(window.prepared, question);
  return run(std::move(question));
}

Prepared Model::prepare_signal(const Recording& recording, Answer& answer) const {
  answer.recording.duration_s = static_cast<double>(recording.samples.view().columns) / recording.sampling_rate_hz;
  const auto& names = contract().signal.leads;
  answer.leads.resize(names.size());
  for (const std::string& lead : missing_leads(recording.leads, names)) {
    answer.leads[static_cast<std::size_t>(std::find(names.begin(), names.end(), lead) - names.begin())].missing = true;
  }
  check_interruption();
  return ecg2lab::prepare(recording, contract());
}

void Model::judge(const Prepared& prepared, const std::vector<std::string>& leads, std::optional<double> longest_gap_s,
                  Answer& answer) const {
  check_interruption();
  const Quality& quality = answer.quality.emplace(ecg2lab::judge(prepared, contract(), longest_gap_s));
  for (std::size_t i = 0; i < answer.leads.size(); ++i) {
    answer.leads[i].report = prepared.leads[i];
    if (prepared.figures) answer.leads[i].figures = prepared.figures->leads[i];
  }
  if (!answer.refused && quality.refusal) {
    answer.refused = Refused{.kind = quality.kind(), .fault = quality.refusal, .messages = {*quality.message}};
  }
  const std::size_t windows = count_windows(prepared.signal.columns, contract().signal.window_samples).windows;
  answer.recording = describe_recording(prepared, leads, {}, windows, contract());
  answer.recording.quality = describe_quality(quality, prepared, contract());
  if (answer.refused) answer.recording.windows = 0, answer.recording.unused_s = 0;
}

void Model::cut(const Prepared& prepared, Question& question) const {
  const Answer& answer = question.so_far;
  if (answer.refused) return;
  const Signal& wanted = contract().signal;
  const std::size_t windows = question.windows = answer.recording.windows;
  question.signal.resize(windows * wanted.leads.size() * wanted.window_samples);
  cut_windows(prepared.signal, wanted.window_samples, question.signal.data());
  question.continuous = repeat(answer.features.continuous, windows);
  question.categorical = repeat(answer.features.categorical, windows);
}

Answer Model::run(Question question) const {
  if (question.so_far.refused) return std::move(question.so_far);
  const std::size_t windows = question.windows, targets = contract().targets.size();
  const std::size_t width = trained_ ? engine_->features() : 0;
  std::vector<float> logits(windows * targets), penultimate(windows * width);
  const auto row = [&](const auto& rows, std::size_t index) { return rows.data() + rows.size() / windows * index; };
  for (std::size_t first = 0; first < windows; first += kMostWindowsAtOnce) {
    engine_->run({.signal = row(question.signal, first),
                  .continuous = row(question.continuous, first),
                  .categorical = row(question.categorical, first),
                  .batch = std::min(windows - first, kMostWindowsAtOnce)},
                 &logits[first * targets], trained_ ? &penultimate[first * width] : nullptr);
  }
  return decide_answer(std::move(question.so_far),
                       {.logits = {logits.data(), windows, targets}, .features = {penultimate.data(), windows, width}},
                       contract(), trained_.get());
}

}  // namespace ecg2lab
