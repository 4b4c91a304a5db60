#include "patient/decide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace ecg2lab {
namespace {

double sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

double calibrate(double probability, const DecisionRule& rule) {
  if (rule.slope == 1 && rule.intercept == 0) return probability;
  // A mean that has rounded to 0 or 1 has no logit; the nearest number inside has.
  constexpr double kEdge = std::numeric_limits<double>::epsilon();
  const double inside = std::clamp(probability, kEdge, 1 - kEdge);
  return sigmoid(rule.slope * std::log(inside / (1 - inside)) + rule.intercept);
}

Verdict judge(double probability, double threshold) {
  if (std::isnan(threshold)) return Verdict::undecided;
  return probability >= threshold ? Verdict::detected : Verdict::not_detected;
}

}  // namespace

std::vector<Decision> decide(MatrixView<float> logits, std::span<const DecisionRule> rules) {
  if (logits.rows == 0) throw std::invalid_argument("there is no window to decide from");
  if (logits.columns != rules.size()) throw std::invalid_argument("as many rules as targets are needed");
  std::vector<Decision> decisions(rules.size());
  for (std::size_t target = 0; target < rules.size(); ++target) {
    double sum = 0, lowest = 1, highest = 0;
    for (std::size_t window = 0; window < logits.rows; ++window) {
      const double logit = logits.row(window)[target];
      if (!std::isfinite(logit)) throw std::invalid_argument("the network's output is not finite");
      const double probability = sigmoid(logit);
      sum += probability;
      lowest = std::min(lowest, probability);
      highest = std::max(highest, probability);
    }
    const DecisionRule& rule = rules[target];
    const double probability = calibrate(sum / static_cast<double>(logits.rows), rule);
    decisions[target] = {probability, calibrate(lowest, rule), calibrate(highest, rule),
                         judge(probability, rule.threshold)};
  }
  return decisions;
}

}  // namespace ecg2lab
