// Callers in many threads: three share a model of two threads, two have a stream of it each, two decide of one prepared
// recording, others load models with options of their own, ask, and close them before their results are read by
// somebody else. Sanitizers watch. Exit status 0: every answer was the same to the last bit, every message that of its
// own thread.
#include <ecg2lab.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <numbers>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t kLeads = 12, kSamples = 2600;  // two windows of 2.5 s and a remainder, at 500 Hz
constexpr int kRounds = 5;

struct Free {
  void operator()(ecg2lab_model* model) const { ecg2lab_free(model); }
  void operator()(ecg2lab_result* result) const { ecg2lab_result_free(result); }
  void operator()(ecg2lab_prepared* prepared) const { ecg2lab_prepared_free(prepared); }
};
using Model = std::unique_ptr<ecg2lab_model, Free>;
using Result = std::unique_ptr<ecg2lab_result, Free>;
using Prepared = std::unique_ptr<ecg2lab_prepared, Free>;

void count_line(void* user, std::int32_t, const char*) { ++*static_cast<std::atomic<int>*>(user); }

Model load(const char* path, std::size_t threads, std::atomic<int>& lines) {
  ecg2lab_options options;
  ecg2lab_options_init(&options, sizeof options);
  options.threads = threads;
  options.log = count_line;
  options.log_user = &lines;
  ecg2lab_model* model = nullptr;
  if (ecg2lab_load(path, &options, &model) != ECG2LAB_OK) std::fprintf(stderr, "%s\n", ecg2lab_last_error());
  return Model(model);
}

// Sines of another phase in I, II and the chest leads, in millivolt, in the model's order of leads.
std::vector<float> signal() {
  std::vector<float> samples(kLeads * kSamples);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto time = static_cast<double>(i % kSamples) / 500, phase = static_cast<double>(i / kSamples);
    samples[i] = static_cast<float>(std::sin(2 * std::numbers::pi * 1.2 * time + phase));
  }
  for (std::size_t t = 0; t < kSamples; ++t) {  // limb leads follow from I and II, or they would be refused
    const float one = samples[t], two = samples[kSamples + t];
    const float limb[] = {two - one, -(one + two) / 2, one - two / 2, two - one / 2};
    for (std::size_t i = 0; i < 4; ++i) samples[(8 + i) * kSamples + t] = limb[i];
  }
  return samples;
}

ecg2lab_recording recording_of(const Model& model, const std::vector<float>& samples, double rate) {
  ecg2lab_recording recording;
  ecg2lab_recording_init(&recording, sizeof recording);
  recording.samples = samples.data();
  recording.unit = ECG2LAB_MILLIVOLT;
  recording.leads = ecg2lab_describe(model.get())->leads;
  recording.lead_count = kLeads;
  recording.sample_count = kSamples;
  recording.sampling_rate_hz = rate;
  return recording;
}

Result ask(const Model& model, const std::vector<float>& samples, double rate) {
  const ecg2lab_recording recording = recording_of(model, samples, rate);
  ecg2lab_result* result = nullptr;
  ecg2lab_predict(model.get(), &recording, nullptr, &result);
  return Result(result);
}

// None if the recording was refused.
std::vector<double> probabilities(const Result& result) {
  std::vector<double> values;
  for (std::size_t i = 0; i < result->finding_count; ++i) values.push_back(result->findings[i]->probability);
  return values;
}

Prepared prepare(const Model& model, const std::vector<float>& samples) {
  const ecg2lab_recording recording = recording_of(model, samples, 500);
  ecg2lab_prepared* prepared = nullptr;
  ecg2lab_prepare(model.get(), &recording, nullptr, &prepared);
  return Prepared(prepared);
}

// As a network would have it whose every number is `number`.
std::vector<double> decided_probabilities(const Model& model, const Prepared& prepared, float number) {
  const ecg2lab_graph& graph = *ecg2lab_window_graph(model.get());
  const std::vector<float> logits(prepared->window_count * graph.logit_count, number),
      features(prepared->window_count * graph.feature_count, number);
  ecg2lab_output output;
  ecg2lab_output_init(&output, sizeof output);
  output.logits = logits.data();
  output.logit_count = logits.size();
  output.features = features.empty() ? nullptr : features.data();
  output.feature_count = features.size();
  ecg2lab_result* result = nullptr;
  if (ecg2lab_decide(prepared.get(), &output, &result) != ECG2LAB_OK) return {};
  return probabilities(Result(result));
}

// Of every window of a stream of the signal.
std::vector<double> stream_probabilities(const Model& model, const std::vector<float>& samples) {
  ecg2lab_recording format;
  ecg2lab_recording_init(&format, sizeof format);
  format.unit = ECG2LAB_MILLIVOLT;
  format.leads = ecg2lab_describe(model.get())->leads;
  format.lead_count = kLeads;
  format.sampling_rate_hz = 500;
  format.lead_stride = kSamples;
  format.sample_stride = 1;
  std::vector<double> values;
  ecg2lab_stream* stream = nullptr;
  if (ecg2lab_stream_open(model.get(), &format, nullptr, nullptr, &stream) != ECG2LAB_OK) return values;
  for (std::size_t first = 0; first < kSamples; first += kSamples / 4) {
    ecg2lab_stream_push(stream, &samples[first], kSamples / 4);
    for (ecg2lab_result* result = nullptr; ecg2lab_stream_next(stream, &result) == ECG2LAB_OK && result != nullptr;) {
      const std::vector<double> window = probabilities(Result(result));
      values.insert(values.end(), window.begin(), window.end());
    }
  }
  ecg2lab_stream_free(stream);
  return values;
}

// Everything that the callers have in common.
struct Scene {
  const char* path;
  std::vector<float> samples = signal();
  std::atomic<int> lines{0};
  std::atomic<int> wrong{0};
  Model shared = load(path, 2, lines);
  std::vector<double> expected = probabilities(ask(shared, samples, 500));
  std::vector<double> streamed = stream_probabilities(shared, samples);
  Prepared prepared = prepare(shared, samples);

  void require(bool condition) {
    if (!condition) ++wrong;
  }
};

// A rate of its own is refused with a sentence of its own.
void call(Scene& scene, int caller) {
  const std::string said = "sampling rate " + std::to_string(10 + caller) + " Hz";
  for (int round = 0; round < kRounds; ++round) {
    scene.require(probabilities(ask(scene.shared, scene.samples, 500)) == scene.expected);
    const Result refused = ask(scene.shared, scene.samples, 10 + caller);
    scene.require(probabilities(refused).empty());
    scene.require(std::strncmp(ecg2lab_last_error(), said.c_str(), said.size()) == 0);
    scene.require(std::strcmp(ecg2lab_last_error(), refused->message) == 0);
  }
}

void watch(Scene& scene) {
  for (int round = 0; round < kRounds; ++round) {
    scene.require(stream_probabilities(scene.shared, scene.samples) == scene.streamed);
  }
}

void decide(Scene& scene, float number) {
  const std::vector<double> first = decided_probabilities(scene.shared, scene.prepared, number);
  scene.require(!first.empty());
  for (int round = 0; round < 20 * kRounds; ++round) {
    scene.require(decided_probabilities(scene.shared, scene.prepared, number) == first);
  }
}

void reload(Scene& scene, std::size_t threads) {
  for (int round = 0; round < 2; ++round) {
    std::atomic<int> lines{0};
    Model own = load(scene.path, threads, lines);
    Result result = ask(own, scene.samples, 500), refused = ask(own, scene.samples, 10);
    own.reset();
    scene.require(lines == 2);  // loaded, refused
    const std::jthread reader([&scene, result = std::move(result), refused = std::move(refused)] {
      scene.require(probabilities(result) == scene.expected);
      scene.require(std::strlen(refused->message) > 0);
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Scene scene{.path = argv[1]};
  scene.require(!scene.expected.empty() && !scene.streamed.empty());
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 3; ++caller) callers.emplace_back(call, std::ref(scene), caller);
    for (int bed = 0; bed < 2; ++bed) callers.emplace_back(watch, std::ref(scene));
    for (const float number : {-1.0F, 1.0F}) callers.emplace_back(decide, std::ref(scene), number);
    for (std::size_t threads = 1; threads <= 3; ++threads) callers.emplace_back(reload, std::ref(scene), threads);
  }
  scene.require(scene.lines == 1 + 3 * kRounds);  // loaded, and each refusal
  std::printf("%d wrong answers\n", scene.wrong.load());
  return scene.wrong == 0 ? 0 : 1;
}
