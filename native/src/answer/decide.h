// From the network's logits to an answer per target.
#pragma once

#include <optional>
#include <vector>

#include "base/matrix.h"
#include "contract/contract.h"

namespace ecg2lab {

struct Decision {
  double probability;  // calibrated mean over windows
  double lowest;       // of the windows' own probabilities, calibrated alike
  double highest;
  std::optional<bool> detected;  // none: the contract has no threshold for this target
};

// `logits` is (windows, targets). Probabilities are averaged over windows, then calibrated on the logit of the mean.
// Throws Error of kind `backend` on no windows, on a wrong number of targets and on logits that are not finite.
std::vector<Decision> decide(MatrixView<float> logits, const Contract& contract);

}  // namespace ecg2lab
