// Everything about a bundle but its numbers. Fields are those of `Manifest` in sdk/ecg2lab/bundle/__init__.py.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "contract/contract.h"

namespace ecg2lab {

inline constexpr std::int64_t kBundleVersion = 2;

struct Digest {
  std::uint64_t size;
  std::string sha256;

  bool operator==(const Digest&) const = default;
};

// The network whose weights this library reads and runs: S4 layers, joined late with the patient's facts.
inline constexpr std::string_view kS4Fusion = "s4-fusion";

struct NetworkFacts {
  bool causal;
  std::map<std::string, std::int64_t> sizes;  // by name; those of inputs and logits are in the contract
  std::optional<std::int64_t> features;       // that its graphs give; none: they give none

  std::int64_t size(const std::string& name) const { return sizes.at(name); }
};

// Sizes of the step graph of a causal model.
struct StepSizes {
  std::int64_t most_samples;  // that one step takes
  std::int64_t state_size;    // numbers in the state of one window
};

struct Manifest {
  std::optional<bool> synthetic_weights;  // none: not stated by the checkpoint
  std::string form;
  std::string precision;
  std::string architecture{kS4Fusion};  // of a bundle that does not say: there was no other
  NetworkFacts network;
  std::int64_t opset;  // of the graphs
  std::optional<StepSizes> step;
  std::map<std::string, Digest> members;
  std::map<std::string, double> gates;  // reduced precisions that were measured and passed: largest error of a logit
  Contract contract;

  // The sentence that goes with every answer.
  std::string notice() const;
};

// Throws Error of kind `bundle`; `source` is what to call the bundle there.
Manifest decode_manifest(std::span<const std::byte> content, const std::string& source);

}  // namespace ecg2lab
