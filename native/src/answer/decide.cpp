#include "answer/decide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
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

// What an operating point must have been measured for to hold of an answer.
struct Situation {
  std::size_t windows;
  std::size_t missing;    // features
  bool age_and_sex_only;  // are known
};

// Whether the contract takes a fact, and the patient has it.
bool stated(std::string_view name, const Features& features, const Contract& contract) {
  const auto named = [&](const auto& feature) { return feature.name == name; };
  const auto stood_in = [&](const auto& fact) { return fact.first == name; };
  const auto& numbers = contract.continuous;
  const auto& categories = contract.categorical;
  return (std::any_of(numbers.begin(), numbers.end(), named) ||
          std::any_of(categories.begin(), categories.end(), named)) &&
         std::none_of(features.imputed.begin(), features.imputed.end(), stood_in);
}

Situation situation_of(std::size_t windows, const Features& features, const Contract& contract) {
  const std::size_t all = contract.continuous.size() + contract.categorical.size(), missing = features.imputed.size();
  const bool both = stated("age", features, contract) && stated("sex", features, contract);
  return {windows, missing, both && missing + 2 == all};
}

bool holds(const OperatingPoint& point, const Situation& situation) {
  if (point.windows != situation.windows) return false;
  return point.facts == KnownFacts::age_and_sex ? situation.age_and_sex_only : situation.missing <= point.most_missing;
}

// The point that was measured in this situation. Where both hold, that of age and sex alone goes first.
const OperatingPoint* fitting_point(const std::vector<OperatingPoint>& points, const Situation& situation) {
  const OperatingPoint* fitting = nullptr;
  for (const OperatingPoint& point : points) {
    if (holds(point, situation) && (fitting == nullptr || point.facts == KnownFacts::age_and_sex)) fitting = &point;
  }
  return fitting;
}

std::string counted(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

std::string why_none_fits(const std::vector<OperatingPoint>& points, const Situation& situation) {
  std::set<std::size_t> windows;
  std::string facts;
  for (const OperatingPoint& point : points) {
    windows.insert(point.windows);
    if (point.windows != situation.windows) continue;
    const bool all = point.facts == KnownFacts::all;
    facts += facts.empty() ? "with " : " or with ";
    facts += all ? std::to_string(point.most_missing) + " at most" : std::string(word_of(point.facts)) + " alone";
  }
  if (windows.contains(situation.windows)) {
    return "no operating point holds with " + counted(situation.missing, "fact") + " missing, only " + facts;
  }
  std::string counts;
  for (const std::size_t count : windows) counts += (counts.empty() ? "" : " or ") + std::to_string(count);
  return "no operating point holds for " + counted(situation.windows, "window") + ", only for " + counts;
}

void judge(const Target& target, const Situation& situation, Verdict& verdict) {
  const auto flag = [&](double threshold) {
    verdict.threshold = threshold;
    verdict.word = verdict.probability >= threshold ? Word::flagged : Word::not_flagged;
  };
  if (!target.decision) {
    if (target.decision_threshold) return flag(*target.decision_threshold);
    verdict.reason = "the model has no threshold for it";
    return;
  }
  const auto& points = target.decision->points;
  const OperatingPoint* const point = fitting_point(points, situation);
  verdict.base_rate = (point != nullptr ? *point : points.front()).prevalence;
  if (point == nullptr) {
    verdict.reason = why_none_fits(points, situation);
    return;
  }
  verdict.point = static_cast<std::size_t>(point - points.data());
  if (point->threshold) return flag(*point->threshold);
  verdict.reason = *point->reason;
}

Verdict decide_target(MatrixView<float> logits, std::size_t index, const Target& target, const Situation& situation) {
  double sum = 0, lowest = 1, highest = 0;
  for (std::size_t window = 0; window < logits.rows; ++window) {
    const double logit = logits.row(window)[index];
    if (!std::isfinite(logit)) refuse("the network's output is not finite");
    const double probability = sigmoid(logit);
    sum += probability;
    lowest = std::min(lowest, probability);
    highest = std::max(highest, probability);
  }
  Verdict verdict{.probability = calibrate(sum / static_cast<double>(logits.rows), target.calibration),
                  .lowest = calibrate(lowest, target.calibration),
                  .highest = calibrate(highest, target.calibration)};
  judge(target, situation, verdict);
  return verdict;
}

}  // namespace

std::vector<Verdict> decide(MatrixView<float> logits, const Features& features, const Contract& contract) {
  if (logits.rows == 0) refuse("there is no window to decide from");
  if (logits.columns != contract.targets.size()) refuse("as many logits as targets are needed");
  const Situation situation = situation_of(logits.rows, features, contract);
  std::vector<Verdict> verdicts;
  for (std::size_t index = 0; index < contract.targets.size(); ++index) {
    verdicts.push_back(decide_target(logits, index, contract.targets[index], situation));
  }
  return verdicts;
}

}  // namespace ecg2lab
