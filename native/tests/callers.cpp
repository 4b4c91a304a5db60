// Two callers share a model of two threads while a third loads and frees models of its own; `make sanitize` watches.
// Exit status 0: every answer was the same to the last bit.
#include <ecg2lab.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numbers>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t kLeads = 12, kSamples = 2600;  // two windows of 2.5 s and a remainder, at 500 Hz
constexpr int kRounds = 5;

struct Free {
  void operator()(ecg2lab_model* model) const { ecg2lab_free(model); }
  void operator()(ecg2lab_result* result) const { ecg2lab_result_free(result); }
};
using Model = std::unique_ptr<ecg2lab_model, Free>;

Model load(const char* path) {
  ecg2lab_options options;
  ecg2lab_options_init(&options, sizeof options);
  options.threads = 2;
  ecg2lab_model* model = nullptr;
  if (ecg2lab_load(path, &options, &model) != ECG2LAB_OK) std::fprintf(stderr, "%s\n", ecg2lab_last_error());
  return Model(model);
}

// A sine of another phase in each lead, in millivolt.
std::vector<float> signal() {
  std::vector<float> samples(kLeads * kSamples);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto time = static_cast<double>(i % kSamples) / 500, phase = static_cast<double>(i / kSamples);
    samples[i] = static_cast<float>(std::sin(2 * std::numbers::pi * 1.2 * time + phase));
  }
  return samples;
}

// Probabilities; none if the recording was refused.
std::vector<double> ask(const ecg2lab_model* model, const std::vector<float>& samples, double rate) {
  ecg2lab_recording recording;
  ecg2lab_recording_init(&recording, sizeof recording);
  recording.samples = samples.data();
  recording.unit = ECG2LAB_MILLIVOLT;
  recording.leads = ecg2lab_describe(model)->leads;
  recording.lead_count = kLeads;
  recording.sample_count = kSamples;
  recording.sampling_rate_hz = rate;
  ecg2lab_result* given = nullptr;
  ecg2lab_predict(model, &recording, nullptr, &given);
  const std::unique_ptr<ecg2lab_result, Free> result(given);
  std::vector<double> found;
  for (std::size_t i = 0; result && i < result->finding_count; ++i) found.push_back(result->findings[i]->probability);
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const Model shared = load(argv[1]);
  if (!shared) return 1;
  const std::vector<float> samples = signal();
  const std::vector<double> expected = ask(shared.get(), samples, 500);
  std::atomic<int> wrong{expected.empty() ? 1 : 0};
  const auto call = [&] {
    for (int round = 0; round < kRounds; ++round) {
      if (ask(shared.get(), samples, 500) != expected) ++wrong;
      if (!ask(shared.get(), samples, 10).empty()) ++wrong;  // refused: no model takes 10 Hz
    }
  };
  const auto reload = [&] {
    for (int round = 0; round < 2; ++round) {
      const Model own = load(argv[1]);
      if (!own || ask(own.get(), samples, 500) != expected) ++wrong;
    }
  };
  {
    const std::jthread first(call), second(call), third(reload);
  }
  std::printf("%d wrong answers\n", wrong.load());
  return wrong == 0 ? 0 : 1;
}
