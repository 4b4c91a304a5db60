// Every allocation of a load, of a prediction, of its two halves and of a stream fails once, alone and with all that
// follow it: the call must say that memory ran out, leave its model and stream usable and leak nothing. Exit status 0:
// each did.
//
//   failing_allocations MODEL [STEP [STEP]]     every STEP-th of a load, whose allocations are some thousands, and
//   every
//                                               STEP-th of the others
#include <ecg2lab.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <numbers>
#include <vector>

namespace {

std::atomic<long> living{0};     // blocks that were allocated and not freed
std::atomic<long> countdown{0};  // allocations until one fails; none does at 0 and below
std::atomic<bool> lasting{false};
std::atomic<bool> failed{false};

bool fails() {
  if (lasting && failed) return true;
  if (countdown <= 0 || countdown.fetch_sub(1) != 1) return false;
  failed = true;
  return true;
}

void* allocate(std::size_t size, std::size_t alignment) {
  if (fails()) throw std::bad_alloc();
  void* const block = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
  if (block == nullptr) throw std::bad_alloc();
  ++living;
  return block;
}

void release(void* block) {
  if (block == nullptr) return;
  --living;
  std::free(block);
}

}  // namespace

// All other forms of new and delete end in these.
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }

namespace {

// The kept resampling filters are those of the four latest rates: five in turn are always designed anew.
constexpr std::array<double, 5> kRates{500, 400, 300, 200, 100};
constexpr std::size_t kLeads = 12, kSamples = 2600;

struct Free {
  void operator()(ecg2lab_model* model) const { ecg2lab_free(model); }
  void operator()(ecg2lab_result* result) const { ecg2lab_result_free(result); }
  void operator()(ecg2lab_prepared* prepared) const { ecg2lab_prepared_free(prepared); }
  void operator()(ecg2lab_stream* stream) const { ecg2lab_stream_free(stream); }
};
using Model = std::unique_ptr<ecg2lab_model, Free>;
using Result = std::unique_ptr<ecg2lab_result, Free>;
using Prepared = std::unique_ptr<ecg2lab_prepared, Free>;
using Stream = std::unique_ptr<ecg2lab_stream, Free>;

void log(void*, std::int32_t, const char*) {}

ecg2lab_status load(const char* path, Model& model) {
  ecg2lab_options options;
  ecg2lab_options_init(&options, sizeof options);
  options.threads = 2;
  options.log = log;
  ecg2lab_model* loaded = nullptr;
  const ecg2lab_status status = ecg2lab_load(path, &options, &loaded);
  model.reset(loaded);
  return status;
}

// Sines of another phase in I, II and the chest leads, in millivolt.
std::vector<double> signal() {
  std::vector<double> samples(kLeads * kSamples);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto time = static_cast<double>(i % kSamples) / 500, phase = static_cast<double>(i / kSamples);
    samples[i] = std::sin(2 * std::numbers::pi * 1.2 * time + phase);
  }
  for (std::size_t t = 0; t < kSamples; ++t) {  // limb leads follow from I and II, or they would be refused
    const double one = samples[t], two = samples[kSamples + t];
    const double limb[] = {two - one, -(one + two) / 2, one - two / 2, two - one / 2};
    for (std::size_t i = 0; i < 4; ++i) samples[(2 + i) * kSamples + t] = limb[i];
  }
  return samples;
}

// A question, and what its answer must be.
struct Question {
  const char* name;
  ecg2lab_status status;
  double age;
  const char* first_lead;
  double gain;
};
constexpr std::array<Question, 4> kQuestions{{{"an answer", ECG2LAB_OK, 63, "I", 1},
                                              {"an unknown lead", ECG2LAB_ERROR_RECORDING, 63, "elbow", 1},
                                              {"a small signal", ECG2LAB_ERROR_QUALITY, 63, "I", 1e6},
                                              {"a young patient", ECG2LAB_ERROR_PATIENT, 3, "I", 1}}};

std::array<const char*, kLeads> lead_names(const char* first) {
  return {first, "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
}

ecg2lab_status decide(const Model& model, const Prepared& prepared, Result& result) {
  const ecg2lab_graph& graph = *ecg2lab_window_graph(model.get());
  static const std::vector<float> numbers(10'000);
  ecg2lab_output output;
  ecg2lab_output_init(&output, sizeof output);
  output.logits = output.features = numbers.data();
  output.logit_count = prepared->window_count * graph.logit_count;
  output.feature_count = prepared->window_count * graph.feature_count;
  output.provider = "a provider whose name is too long to be kept within a string object";
  ecg2lab_result* decided = nullptr;
  const ecg2lab_status status = ecg2lab_decide(prepared.get(), &output, &decided);
  result.reset(decided);
  return status;
}

// Whole, or in its halves.
ecg2lab_status ask(const Model& model, const Question& question, const std::vector<double>& samples, double rate,
                   Result& result, bool halved) {
  const auto leads = lead_names(question.first_lead);
  const ecg2lab_source_field source[] = {{"patient", "a name that is too long to be kept within a string object"}};
  ecg2lab_recording recording;
  ecg2lab_recording_init(&recording, sizeof recording);
  recording.samples = samples.data();
  recording.sample_type = ECG2LAB_DOUBLE;
  recording.unit = ECG2LAB_ADC;
  recording.gain = &question.gain;
  recording.gain_count = 1;
  recording.leads = leads.data();
  recording.lead_count = kLeads;
  recording.sample_count = kSamples;
  recording.sampling_rate_hz = rate;
  recording.source = source;
  recording.source_count = 1;
  ecg2lab_patient patient;
  ecg2lab_patient_init(&patient, sizeof patient);
  patient.age = question.age;
  patient.sex = ECG2LAB_MALE;
  patient.height_cm = 180;
  if (halved) {
    ecg2lab_prepared* made = nullptr;
    const ecg2lab_status status = ecg2lab_prepare(model.get(), &recording, &patient, &made);
    const Prepared prepared(made);
    return prepared ? decide(model, prepared, result) : status;
  }
  ecg2lab_result* answer = nullptr;
  const ecg2lab_status status = ecg2lab_predict(model.get(), &recording, &patient, &answer);
  result.reset(answer);
  return status;
}

int mistakes = 0;

void require(bool condition, const char* call, long allocation, const char* what) {
  if (condition) return;
  ++mistakes;
  std::printf("%s, allocation %ld%s: %s\n", call, allocation, lasting ? " and all after it" : "", what);
}

// Runs `call`, of which that allocation fails; returns whether it came so far.
template <class Call>
bool fail_at(long allocation, const char* name, const Call& call) {
  failed = false;
  countdown = allocation;
  const ecg2lab_status status = call();
  countdown = 0;
  const bool reached = failed.exchange(false);
  if (!reached) return false;
  require(status == ECG2LAB_ERROR_MEMORY, name, allocation, ecg2lab_status_name(status));
  require(std::strcmp(ecg2lab_last_error(), "out of memory") == 0, name, allocation, ecg2lab_last_error());
  return true;
}

long fail_load(const char* path, long step) {
  for (long allocation = 1;; allocation += step) {
    const long before = living;
    Model model;
    if (!fail_at(allocation, "load", [&] { return load(path, model); })) return allocation;
    require(!model, "load", allocation, "there is a model");
    require(living == before, "load", allocation, "something was leaked");
  }
}

long fail_predict(const Model& model, const Question& question, const std::vector<double>& samples, long step,
                  bool halved) {
  std::array<long, kRates.size()> blocks{};  // that live after an answer at each rate
  Result result;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kRates.size(); ++i) {
      require(ask(model, question, samples, kRates[i], result, halved) == question.status, question.name, 0,
              "another answer");
      blocks[i] = living;
    }
  }
  std::size_t unreached = 0, i = 0;
  for (long allocation = 1;; allocation += step, i = (i + 1) % kRates.size()) {
    result.reset();
    const bool reached =
        fail_at(allocation, question.name, [&] { return ask(model, question, samples, kRates[i], result, halved); });
    require(!reached || !result, question.name, allocation, "there is a result");
    const ecg2lab_status status = ask(model, question, samples, kRates[i], result, halved);
    require(status == question.status, question.name, allocation, "the model does not answer any more");
    require(living == blocks[i], question.name, allocation, "something was leaked");
    unreached = reached ? 0 : unreached + 1;
    if (unreached == kRates.size()) return allocation;
  }
}

ecg2lab_status open_stream(const Model& model, Stream& stream) {
  const auto leads = lead_names("I");
  ecg2lab_recording format;
  ecg2lab_recording_init(&format, sizeof format);
  format.sample_type = ECG2LAB_DOUBLE;
  format.unit = ECG2LAB_MILLIVOLT;
  format.leads = leads.data();
  format.lead_count = kLeads;
  format.sampling_rate_hz = 500;
  format.lead_stride = kSamples;
  format.sample_stride = 1;
  ecg2lab_stream* opened = nullptr;
  const ecg2lab_status status = ecg2lab_stream_open(model.get(), &format, nullptr, nullptr, &opened);
  stream.reset(opened);
  return status;
}

// Pushes the signal in three parts and fetches every answer; the first status that is not OK ends it.
ecg2lab_status feed(const Stream& stream, const std::vector<double>& samples, int& answers) {
  constexpr std::size_t kPart = kSamples / 3;
  for (std::size_t part = 0; part < 3; ++part) {
    ecg2lab_status status = ecg2lab_stream_push(stream.get(), &samples[part * kPart], kPart);
    while (status == ECG2LAB_OK) {
      ecg2lab_result* answer = nullptr;
      status = ecg2lab_stream_next(stream.get(), &answer);
      const Result result(answer);
      if (!result) break;
      ++answers;
    }
    if (status != ECG2LAB_OK) return status;
    if (ecg2lab_stream_describe(stream.get()) == nullptr) return ECG2LAB_ERROR_MEMORY;
  }
  return ECG2LAB_OK;
}

long fail_stream(const Model& model, const std::vector<double>& samples, long step) {
  int expected = 0;
  {
    Stream stream;
    require(open_stream(model, stream) == ECG2LAB_OK && feed(stream, samples, expected) == ECG2LAB_OK && expected > 0,
            "stream", 0, "no answers");
  }
  const long before = living;
  for (long allocation = 1;; allocation += step) {
    Stream stream;
    int answers = 0;
    const bool reached = fail_at(allocation, "stream", [&] {
      const ecg2lab_status status = open_stream(model, stream);
      return status == ECG2LAB_OK ? feed(stream, samples, answers) : status;
    });
    if (stream && reached) {
      answers = 0;
      require(ecg2lab_stream_reset(stream.get()) == ECG2LAB_OK, "stream", allocation, "cannot be reset");
      require(feed(stream, samples, answers) == ECG2LAB_OK, "stream", allocation, ecg2lab_last_error());
    }
    require(!stream || answers == expected, "stream", allocation, "other answers");
    stream.reset();
    require(living == before, "stream", allocation, "something was leaked");
    if (!reached) return allocation;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) return 2;
  const long load_step = argc > 2 ? std::atol(argv[2]) : 1, step = argc > 3 ? std::atol(argv[3]) : 1;
  if (load_step < 1 || step < 1) return 2;
  Model model;
  if (load(argv[1], model) != ECG2LAB_OK) {
    std::fprintf(stderr, "%s\n", ecg2lab_last_error());
    return 1;
  }
  const std::vector<double> samples = signal();
  for (const bool all_after_it : {false, true}) {
    lasting = all_after_it;
    std::printf("load: about %ld allocations\n", fail_load(argv[1], load_step));
    for (const Question& question : kQuestions) {
      std::printf("%s: about %ld allocations\n", question.name, fail_predict(model, question, samples, step, false));
    }
    std::printf("in halves: about %ld allocations\n", fail_predict(model, kQuestions[0], samples, step, true));
  }
  lasting = false;
  std::printf("a stream: about %ld allocations\n", fail_stream(model, samples, step));
  lasting = true;
  std::printf("a stream: about %ld allocations\n", fail_stream(model, samples, step));
  std::printf("%d mistakes\n", mistakes);
  return mistakes == 0 ? 0 : 1;
}
