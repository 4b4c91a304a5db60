#include "answer/decide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/errors.h"

namespace ecg2lab {
namespace {

double sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

double calibrate(double probability, const std::optional<Calibration>& calibration) {
  if (!calibration || (calibration->slope == 1 && calibration->intercept == 0)) return probability;
  // A mean that has rounded to 0 or 1 has no logit; the nearest number inside has.
  constexpr double kEdge = std::numeric_limits<double>::epsilon();
  const double inside = std::clamp(probability, kEdge, 1 - kEdge);
  return sigmoid(calibration->slope * std::log(inside / (1 - inside)) + calibration->intercept);
}

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorKind::backend, std::string("the network's output cannot be used: ") + why);
}

Decision decide_target(MatrixView<float> logits, std::size_t index, const Target& target) {
  double sum = 0, lowest = 1, highest = 0;
  for (std::size_t window = 0; window < logits.rows; ++window) {
    const double logit = logits.row(window)[index];
    if (!std::isfinite(logit)) refuse("the network's output is not finite");
    const double probability = sigmoid(logit);
    sum += probability;
    lowest = std::min(lowest, probability);
    highest = std::max(highest, probability);
  }
  Decision decision{.probability = calibrate(sum / static_cast<double>(logits.rows), target.calibration),
                    .lowest = calibrate(lowest, target.calibration),
                    .highest = calibrate(highest, target.calibration),
                    .detected = {}};
  if (target.decision_threshold) decision.detected = decision.probability >= *target.decision_threshold;
  return decision;
}

}  // namespace

std::vector<Decision> decide(MatrixView<float> logits, const Contract& contract) {
  if (logits.rows == 0) refuse("there is no window to decide from");
  if (logits.columns != contract.targets.size()) refuse("as many logits as targets are needed");
  std::vector<Decision> decisions;
  for (std::size_t index = 0; index < contract.targets.size(); ++index) {
    decisions.push_back(decide_target(logits, index, contract.targets[index]));
  }
  return decisions;
}

}  // namespace ecg2lab
