#include "answer/decide.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "answer/sigmoid.h"
#include "base/errors.h"
#include "base/number_text.h"

namespace ecg2lab {
namespace {

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

// Of an operating point or a limit of experience.
template <typename Setting>
bool holds(const Setting& setting, const Situation& situation) {
  if (setting.windows != situation.windows) return false;
  return setting.facts == KnownFacts::age_and_sex ? situation.age_and_sex_only
                                                  : situation.missing <= setting.most_missing;
}

// What was measured in this situation. Where both hold, that of age and sex alone goes first.
template <typename Setting>
const Setting* fitting(const std::vector<Setting>& settings, const Situation& situation) {
  const Setting* best = nullptr;
  for (const Setting& setting : settings) {
    if (holds(setting, situation) && (best == nullptr || setting.facts == KnownFacts::age_and_sex)) best = &setting;
  }
  return best;
}

std::string percent(double share) { return number_text(100 * share, 4); }

// Of the points for so many windows, one of which there is.
Message why_not_with(std::size_t missing, const std::vector<const OperatingPoint*>& points) {
  std::optional<std::size_t> most;
  bool age_and_sex = false;
  for (const OperatingPoint* point : points) {
    if (point->facts == KnownFacts::age_and_sex) {
      age_and_sex = true;
    } else {
      most = std::max(most.value_or(0), point->most_missing);
    }
  }
  const auto one = !most         ? MessageCode::decision_fact_age_and_sex
                   : age_and_sex ? MessageCode::decision_fact_either
                                 : MessageCode::decision_fact_at_most;
  static_assert(static_cast<int>(MessageCode::decision_facts_either) ==
                static_cast<int>(MessageCode::decision_fact_either) + 1);
  const auto code = MessageCode(static_cast<int>(one) + (missing == 1 ? 0 : 1));
  std::vector<std::string> values{std::to_string(missing)};
  if (most) values.push_back(std::to_string(*most));
  return Message(code, std::move(values));
}

Message why_none_fits(const std::vector<OperatingPoint>& points, const Situation& situation) {
  std::set<std::size_t> windows;
  std::vector<const OperatingPoint*> of_so_many;
  for (const OperatingPoint& point : points) {
    windows.insert(point.windows);
    if (point.windows == situation.windows) of_so_many.push_back(&point);
  }
  if (!of_so_many.empty()) return why_not_with(situation.missing, of_so_many);
  std::string counts;
  for (const std::size_t count : windows) counts += (counts.empty() ? "" : ", ") + std::to_string(count);
  const std::string asked = std::to_string(situation.windows);
  return situation.windows == 1 ? say<MessageCode::decision_window>(asked, counts)
                                : say<MessageCode::decision_windows>(asked, counts);
}

Message why_unsure(const ConformalSet& conformal, double probability) {
  const bool both = probability >= conformal.positive_from;
  const std::string error = percent(conformal.error);
  return both ? say<MessageCode::decision_both_remain>(error) : say<MessageCode::decision_none_remains>(error);
}

void judge(const Target& target, const Situation& situation, Verdict& verdict) {
  const auto flag = [&](double threshold) {
    verdict.threshold = threshold;
    verdict.word = verdict.probability >= threshold ? Word::flagged : Word::not_flagged;
  };
  if (!target.decision) {
    if (target.decision_threshold) return flag(*target.decision_threshold);
    verdict.reasons = {say<MessageCode::decision_none>()};
    return;
  }
  const auto& points = target.decision->points;
  const OperatingPoint* const point = fitting(points, situation);
  verdict.base_rate = (point != nullptr ? *point : points.front()).prevalence;
  if (point == nullptr) {
    verdict.reasons = {why_none_fits(points, situation)};
    return;
  }
  verdict.point = static_cast<std::size_t>(point - points.data());
  if (!point->threshold) {
    verdict.reasons = {say<MessageCode::decision_not_measured>(*point->reason)};
    return;
  }
  flag(*point->threshold);
  const auto& conformal = point->conformal;
  if (verdict.word == Word::flagged || !conformal || !conformal->is_unsure(verdict.probability)) return;
  verdict.word = Word::unsure;
  verdict.reasons = {why_unsure(*conformal, verdict.probability)};
}

// Of a number that was given, and lies beyond those of the training folds.
std::optional<Message> why_beyond(const TrainedRange& range, const Features& patient, const Contract& contract) {
  if (!stated(range.name, patient, contract)) return std::nullopt;
  const auto named = [&](const auto& feature) { return feature.name == range.name; };
  const auto feature = std::find_if(contract.continuous.begin(), contract.continuous.end(), named);
  const float value = patient.continuous[static_cast<std::size_t>(feature - contract.continuous.begin())];
  if (static_cast<float>(range.minimum) <= value && value <= static_cast<float>(range.maximum)) return std::nullopt;
  return say<MessageCode::experience_fact>(range.name, number_text(range.minimum, 4), number_text(range.maximum, 4),
                                           feature->unit);
}

std::optional<Familiarity> recognise(const NetworkOutput& output, const Features& patient, const Contract& contract,
                                     const TrainedFeatures* trained, const Situation& situation) {
  if (!contract.experience) return std::nullopt;
  const Experience& experience = *contract.experience;
  if (trained == nullptr || output.features.columns != trained->size() || output.features.rows != situation.windows) {
    refuse("its features are not those that the model's experience is measured by");
  }
  Familiarity familiarity{.distance = trained->distance(output.features), .quantile = experience.quantile};
  if (!std::isfinite(familiarity.distance)) refuse("the network's features are not finite");
  for (const TrainedRange& range : experience.ranges) {
    if (auto reason = why_beyond(range, patient, contract)) familiarity.reasons.push_back(std::move(*reason));
  }
  const ExperienceLimit* const limit = fitting(experience.limits, situation);
  if (limit == nullptr) return familiarity;
  familiarity.limit = limit->distance;
  if (familiarity.distance > limit->distance) {
    familiarity.reasons.push_back(say<MessageCode::experience_distance>(
        number_text(familiarity.distance, 4), percent(experience.quantile), number_text(limit->distance, 4)));
  }
  return familiarity;
}

// Nothing is decided of it.
void withhold(const std::vector<Message>& reasons, Verdict& verdict) {
  verdict.word = Word::outside_experience;
  verdict.reasons = reasons;
  verdict.point.reset();
  verdict.threshold.reset();
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

Decided decide(const NetworkOutput& output, const Features& patient, const Contract& contract,
               const TrainedFeatures* trained) {
  const MatrixView<float>& logits = output.logits;
  if (logits.rows == 0) refuse("there is no window to decide from");
  if (logits.columns != contract.targets.size()) refuse("as many logits as targets are needed");
  const Situation situation = situation_of(logits.rows, patient, contract);
  Decided decided{.verdicts = {}, .familiarity = recognise(output, patient, contract, trained, situation)};
  for (std::size_t index = 0; index < contract.targets.size(); ++index) {
    decided.verdicts.push_back(decide_target(logits, index, contract.targets[index], situation));
  }
  if (decided.familiarity && decided.familiarity->outside()) {
    for (Verdict& verdict : decided.verdicts) withhold(decided.familiarity->reasons, verdict);
  }
  return decided;
}

}  // namespace ecg2lab
