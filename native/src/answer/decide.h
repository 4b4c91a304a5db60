// From the network's logits to a verdict on each target.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/matrix.h"
#include "contract/contract.h"
#include "patient/patient_features.h"

namespace ecg2lab {

// What may be said of a target.
enum class Word { no_decision, flagged, not_flagged };
constexpr std::array<std::string_view, 3> words_of(Word) { return {"no decision", "flagged", "not flagged"}; }

struct Verdict {
  double probability;  // calibrated mean over windows
  double lowest;       // of the windows' own probabilities, calibrated alike
  double highest;
  Word word = Word::no_decision;
  std::string reason = {};                // why there is no decision
  std::optional<std::size_t> point = {};  // of the target's decision: the operating point that holds here
  std::optional<double> threshold = {};   // that decided
  std::optional<double> base_rate = {};   // of that point, or of any if none holds

  // Of the probability to the base rate, where that is a number.
  std::optional<double> ratio() const {
    const double ratio = base_rate && *base_rate > 0 ? probability / *base_rate : INFINITY;
    return std::isfinite(ratio) ? std::optional(ratio) : std::nullopt;
  }
  std::optional<bool> detected() const {
    return word == Word::no_decision ? std::nullopt : std::optional(word == Word::flagged);
  }
};

// `logits` is (windows, targets). Probabilities are averaged over windows, then calibrated on the logit of the mean. A
// target is flagged after the operating point that was measured for so many windows and so many facts; without one
// there is no decision. Throws Error of kind `backend` on no windows, on a wrong number of targets and on logits that
// are not finite.
std::vector<Verdict> decide(MatrixView<float> logits, const Features& features, const Contract& contract);

}  // namespace ecg2lab
