// Everything about a bundle but its numbers. Fields are those of `Manifest` in sdk/ecg2lab/bundle.py.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "bundle/contract.h"

namespace ecg2lab {

inline constexpr std::int64_t kBundleVersion = 2;

struct Digest {
  std::uint64_t size;
  std::string sha256;

  bool operator==(const Digest&) const = default;
};

// Sizes of the network; those of its inputs and outputs are in the contract.
struct NetworkShape {
  std::int64_t hidden;
  std::int64_t state_size;
  std::int64_t layers;
  bool causal;
};

struct Manifest {
  std::optional<bool> synthetic_weights;  // none: not stated by the checkpoint
  std::string form;
  std::string precision;
  NetworkShape network;
  std::map<std::string, Digest> members;
  std::set<std::string> gates;  // reduced precisions that were measured and passed
  Contract contract;

  // The sentence that goes with every answer.
  std::string notice() const;
};

// Throws Error of kind `bundle`; `source` is what to call the bundle there.
Manifest decode_manifest(std::span<const std::byte> content, const std::string& source);

}  // namespace ecg2lab
