#include "c/prepared.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "c/status.h"
#include "c/structs.h"

namespace ecg2lab::c {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw ArgumentError("output: " + message);
}

// One row for each window. `numbers` is not NULL.
MatrixView<float> to_rows(const char* name, const float* numbers, std::size_t count, std::size_t windows,
                          std::size_t columns) {
  require(count == windows * columns, "there are " + std::to_string(count) + " " + name + " and not " +
                                          std::to_string(columns) + " for each of the windows, which are " +
                                          std::to_string(windows));
  if (std::all_of(numbers, numbers + count, [](float number) { return std::isfinite(number); })) {
    return {numbers, windows, columns};
  }
  throw Error(ErrorKind::backend, std::string("the network's output cannot be used: its ") + name +
                                      " are not finite; compare the program's runtime with ecg2lab_predict, and take "
                                      "another provider or a bundle in fp32");
}

std::string text_or(const char* text, const std::string& other) { return text == nullptr ? other : printable(text); }

HostEngine to_host(const ecg2lab_output& output) {
  const HostEngine unstated;
  return {.provider = text_or(output.provider, unstated.provider),
          .device = text_or(output.device, unstated.device),
          .threads = output.threads};
}

// The caller does not see how much is there: a pointer to no numbers is a pointer all the same.
template <typename T>
const T* data_of(const std::vector<T>& numbers) {
  static constexpr T kNothing{};
  return numbers.empty() ? &kNothing : numbers.data();
}

}  // namespace

PreparedRecording::PreparedRecording(const LoadedModel& model, Question question, SourceFields source)
    : ecg2lab_prepared{},
      model_(model.description()),
      trained_(model.model().trained()),
      question_(std::move(question)),
      source_(std::move(source)),
      judged_(model_, question_.so_far, {}) {
  fill();
}

std::unique_ptr<Result> PreparedRecording::decide(const ecg2lab_output* output) const {
  Answer answer = question_.so_far;
  if (!answer.refused) {
    const ecg2lab_output fields = read(output);
    answer = decide_answer(std::move(answer), check(fields), model_->contract(), trained_.get());
    answer.host = to_host(fields);
  }
  return std::make_unique<Result>(model_, std::move(answer), source_);
}

NetworkOutput PreparedRecording::check(const ecg2lab_output& output) const {
  const std::size_t logits = model_->contract().targets.size();
  const auto features = static_cast<std::size_t>(model_->provenance().manifest().network.features.value_or(0));
  require(output.logits != nullptr, "logits is NULL: hand in what the window graph gave");
  NetworkOutput numbers{.logits = to_rows("logits", output.logits, output.logit_count, question_.windows, logits)};
  if (output.features != nullptr) {
    numbers.features = to_rows("features", output.features, output.feature_count, question_.windows, features);
    return numbers;
  }
  require(output.feature_count == 0, "features is NULL and feature_count is not 0");
  require(!model_->contract().experience,
          "features is NULL: hand in what the window graph gave, for by them this model knows the recordings that are "
          "unlike those that it was trained on");
  return numbers;
}

void PreparedRecording::fill() {
  struct_size = sizeof(ecg2lab_prepared);
  status = judged_.status;
  refusal = judged_.refusal;
  message = judged_.message;
  window_count = question_.windows;
  signal = data_of(question_.signal);
  continuous = data_of(question_.continuous);
  categorical = data_of(question_.categorical);
  quality = judged_.quality;
  leads = judged_.leads, lead_count = judged_.lead_count;
  faults = judged_.faults, fault_count = judged_.fault_count;
  messages = judged_.messages, message_count = judged_.message_count;
}

}  // namespace ecg2lab::c
