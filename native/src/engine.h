// The whole network in one call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensor.h"

namespace ecg2lab {

// What the contract says of inputs and outputs.
struct NetworkSizes {
  std::size_t leads = 0;
  std::size_t window = 0;
  std::size_t continuous = 0;            // columns, missing flags among them
  std::vector<std::size_t> categorical;  // codes of each column
  std::size_t targets = 0;
};

struct EngineOptions {
  std::size_t threads = 1;           // of one call, the caller's among them
  std::string instruction_set = {};  // empty: the fastest
};

// B windows of L samples.
struct NetworkInput {
  const float* signal;              // (B, leads, L) mV, preprocessed
  const float* continuous;          // (B, features)
  const std::int64_t* categorical;  // (B, categories)
  std::size_t batch;                // B
};

// Many threads may call `run` at the same time.
class Engine {
 public:
  // Throws std::invalid_argument if the weights do not fit the sizes.
  Engine(const TensorMap& tensors, const NetworkSizes& sizes, const EngineOptions& options);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // `logits` is (B, targets). Throws std::invalid_argument if a code is none of its category's.
  void run(const NetworkInput& in, float* logits) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ecg2lab
