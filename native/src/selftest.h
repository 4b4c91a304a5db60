// Does this device compute a model right? Its golden windows again, against their outputs in float64.
#pragma once

#include <optional>
#include <vector>

#include "model.h"

namespace ecg2lab {

struct Check {
  const char* quantity;  // "logits" or "features"
  std::size_t batch;     // windows that were computed at once
  double error;          // the largest, as sdk/ecg2lab/proof/parity.py measures it
  double tolerance;

  bool passed() const { return error <= tolerance; }  // not of NaN
};

struct Selftest {
  std::size_t windows;
  std::vector<Check> checks;

  bool passed() const;
  std::optional<Message> message() const;  // none: it passed
};

// One by one and all at once. Throws Error of kind `backend` if the model has no engine, `bundle` if the golden windows
// do not fit its contract.
Selftest selftest(const Model& model);

}  // namespace ecg2lab
