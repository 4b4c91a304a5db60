// From the network's logits to an answer per target.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/matrix.h"

namespace ecg2lab {

// What the contract says of one target.
struct DecisionRule {
  double slope;  // calibration: logit(p) ← slope · logit(p) + intercept; 1 and 0 leave p as it is
  double intercept;
  double threshold;  // calibrated probability from which the target is detected; NaN: no decision
};

enum class Verdict : std::int8_t { undecided = -1, not_detected = 0, detected = 1 };

struct Decision {
  double probability;  // calibrated mean over windows
  double lowest;       // of the windows' own probabilities, calibrated alike
  double highest;
  Verdict verdict;
};

// `logits` is (windows, targets). Probabilities are averaged over windows, then calibrated on the logit of the mean.
// Throws std::invalid_argument on no windows, on a wrong number of rules and on logits that are not finite.
std::vector<Decision> decide(MatrixView<float> logits, std::span<const DecisionRule> rules);

}  // namespace ecg2lab
