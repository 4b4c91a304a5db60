// What an answer rests on: how far it moves when a part of its input is taken away (occlusion).
//
// What stands in for the part is neutral, and the same for every model: a lead becomes its own median over the windows,
// a flat line at its baseline; a segment of time becomes in every lead the straight line from the sample before to the
// sample after, as the contract fills a gap; a fact about the patient becomes what the contract imputes when it is not
// given. Effects are on the logit and the probability of the finding. They describe the network, not the patient.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "contract/contract.h"
#include "patient/patient_features.h"

namespace ecg2lab {

// How much higher the answer stands with a part of the input than without it.
struct Effect {
  std::string part;  // name of the lead or the fact; "ECG" and "patient" are all of them
  double logit;
  double probability;
};

// The same of a stretch of time, in all leads.
struct SegmentEffect {
  double start_s, end_s;  // from the beginning of the recording
  double logit;
  double probability;
};

// Of the answer for one target.
struct Explanation {
  std::string target;
  double logit;  // of the finding: calibrated, over all windows
  double probability;
  std::vector<Effect> leads;            // in the contract's order
  std::vector<SegmentEffect> segments;  // side by side over all windows
  std::vector<Effect> facts;            // that were given and are used
  Effect ecg;
  std::optional<Effect> patient;           // none: the contract cannot do without one of them
  std::vector<std::string> not_removable;  // facts that it cannot do without
};

constexpr double kUsualSegmentS = 0.2;  // one large square of ECG paper

// The inputs that lack a part each, and what their outputs say. Glossary: W windows, L samples of one, N rows.
class Occlusion {
 public:
  // `windows` is (W, leads, L), prepared. Throws Error of kind `patient` as encode_features does, and
  // std::invalid_argument on a segment that is no sample or more than a window long.
  Occlusion(const Contract& contract, std::vector<float> windows, const Patient& patient, OutOfRange policy,
            double segment_s);

  // N: the windows that the network is to be run on.
  std::size_t rows() const { return rows_.size(); }
  // Rows from `first` on, `count` of them: (count, leads, L), (count, numbers), (count, codes).
  void fill(std::size_t first, std::size_t count, float* signal, float* continuous, std::int64_t* categorical) const;
  // `logits` is (N, targets of the contract); for each of these `targets`. Throws Error of kind `backend` on a number
  // that is not finite.
  std::vector<Explanation> explain(MatrixView<float> logits, const std::vector<std::size_t>& targets) const;

 private:
  enum class Kind { nothing, lead, ecg, segment, fact, patient };
  // What is run without a part.
  struct Removal {
    Kind kind;
    std::string name = {};                // of the lead or the fact
    std::size_t lead = 0;                 // of a lead
    std::size_t first = 0, end = 0;       // samples of a segment
    std::size_t window = 0, windows = 0;  // those that change
    std::size_t features = 0;             // of `features_`
    std::size_t row = 0;                  // of its first window
  };
  struct Row {
    std::size_t removal, window;
  };

  void add(Removal removal);
  void add_signal(double segment_s);
  void add_facts(const Patient& patient, OutOfRange policy);
  void occlude(const Removal& removal, std::size_t window, float* signal) const;
  Effect effect(const Removal& removal, const std::string& part, MatrixView<float> logits, std::size_t target) const;

  const Contract& contract_;
  std::vector<float> windows_;
  std::size_t count_;               // W
  std::vector<float> medians_;      // of each lead over all windows
  std::vector<Features> features_;  // of the patient, then of one who lacks facts
  std::vector<Removal> removals_;   // the first removes nothing
  std::vector<Row> rows_;
  std::vector<std::string> not_removable_;
};

}  // namespace ecg2lab
