// The whole network in one call.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/tensor.h"
#include "engine/kernels/table.h"
#include "engine/network.h"
#include "engine/thread_hooks.h"

namespace ecg2lab {

struct EngineOptions {
  std::size_t threads = 1;  // of one call, the caller's among them
  Precision precision = Precision::fp32;
  std::string instruction_set = {};  // of `available_instruction_sets`; empty: the fastest
  ThreadHooks hooks = {};
};

// Glossary: B windows, L samples of one, F features, n targets.
struct NetworkInput {
  const float* signal;              // (B, leads, L) mV, preprocessed
  const float* continuous;          // (B, features)
  const std::int64_t* categorical;  // (B, categories)
  std::size_t batch;                // B
};

// Weights are packed once. Many threads may call `run` at the same time: the first has the helpers, others compute
// alone. The logits of a window are the same to the last bit, whatever the number of threads and the other windows of
// the batch.
class Engine {
 public:
  // Throws std::invalid_argument if the weights do not fit the sizes, or this machine lacks the instructions.
  Engine(const TensorMap& tensors, const NetworkSizes& sizes, const EngineOptions& options);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // `logits` is (B, n); `features`, what the last layer is given, (B, F), or null. Inputs must be finite; throws
  // std::invalid_argument if a code is none of its category's, and Interrupted between two layers. Memory is allocated
  // only when more threads call at once than ever before.
  void run(const NetworkInput& in, float* logits, float* features = nullptr) const;

  const NetworkSizes& sizes() const;
  std::size_t features() const;  // F: of the ECG, then of the patient
  std::string instruction_set() const;
  Precision precision() const;
  std::size_t threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ecg2lab
