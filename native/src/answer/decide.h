// From the network's logits to a verdict on each target.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "answer/trained_features.h"
#include "base/matrix.h"
#include "base/message.h"
#include "contract/contract.h"
#include "patient/patient_features.h"

namespace ecg2lab {

// What may be said of a target. In this order in C.
enum class Word { no_decision, flagged, not_flagged, unsure, outside_experience };
constexpr std::array<std::string_view, 5> words_of(Word) {
  return {"no decision", "flagged", "not flagged", "unsure", "outside experience"};
}

struct Verdict {
  double probability;  // calibrated mean over windows
  double lowest;       // of the windows' own probabilities, calibrated alike
  double highest;
  Word word = Word::no_decision;
  std::vector<Message> reasons = {};      // why it is neither flagged nor not flagged; none: it is one of them
  std::optional<std::size_t> point = {};  // of the target's decision: the operating point that holds here
  std::optional<double> threshold = {};   // that decided
  std::optional<double> base_rate = {};   // of that point, or of any if none holds

  std::optional<std::string> reason() const { return reasons.empty() ? std::nullopt : std::optional(joined(reasons)); }
  // Of the probability to the base rate, where that is a number.
  std::optional<double> ratio() const {
    const double ratio = base_rate && *base_rate > 0 ? probability / *base_rate : INFINITY;
    return std::isfinite(ratio) ? std::optional(ratio) : std::nullopt;
  }
  // None where nothing was decided.
  std::optional<bool> detected() const {
    const bool decided = word == Word::flagged || word == Word::not_flagged;
    return decided ? std::optional(word == Word::flagged) : std::nullopt;
  }
};

// How far a recording lies from what the model was trained on.
struct Familiarity {
  double distance;
  std::optional<double> limit = {};   // none: nobody measured one for so many windows and facts
  double quantile;                    // share of familiar recordings within the limit
  std::vector<Message> reasons = {};  // why it is outside experience; empty: it is not, or that is not known

  bool outside() const { return !reasons.empty(); }
};

struct Decided {
  std::vector<Verdict> verdicts;           // one for each target
  std::optional<Familiarity> familiarity;  // none: the contract does not say how far experience reaches
};

// What the network gave, a row for each window.
struct NetworkOutput {
  MatrixView<float> logits;         // (windows, targets)
  MatrixView<float> features = {};  // (windows, F); read only where the contract has experience
};

// Probabilities are averaged over windows, then calibrated on the logit of the mean. Outside experience nothing is
// decided. A target is flagged after the operating point that was measured for so many windows and so many facts;
// without one there is no decision, and what is not flagged is unsure where its conformal set says so.
// `trained` is wanted where the contract has experience. Throws Error of kind `backend` on no windows, on a wrong
// number of targets or features, and on numbers that are not finite.
Decided decide(const NetworkOutput& output, const Features& patient, const Contract& contract,
               const TrainedFeatures* trained);

}  // namespace ecg2lab
