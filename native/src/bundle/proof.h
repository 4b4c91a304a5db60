// What was proved of a bundle when it was exported: its `parity.json`.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace ecg2lab {

struct Proof {
  std::string form, precision;
  bool passed = true;
  std::map<std::string, double> limits;         // the tightest of each quantity: "kernel", "logits", "features"
  std::map<std::string, std::string> left_out;  // what was not measured, and why
};

// Throws Error of kind `bundle`; `name` is what to call the proof there.
Proof decode_proof(std::span<const std::byte> content, const std::string& name);

}  // namespace ecg2lab
