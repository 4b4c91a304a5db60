// The contract: what a model wants, what it answers, and what its answers mean. Fields are those of
// sdk/ecg2lab/contract, which says more of each, and of which table.inc is made.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "contract/filter_options.h"
#include "contract/quality_limits.h"

namespace ecg2lab {

// How contracts and answers write a value of an enumeration, whose words `words_of` has in their order.
template <typename Enum>
constexpr std::string_view word_of(Enum value) {
  return words_of(value)[static_cast<std::size_t>(value)];
}

// The ECG as the network sees it, in millivolt.
struct Signal {
  std::vector<std::string> leads;  // in the network's order
  double sampling_rate_hz;
  std::size_t window_samples;

  double window_s() const { return static_cast<double>(window_samples) / sampling_rate_hz; }
};

// Runs of NaN are interpolated linearly, and the resampler is resampy's kaiser_best: no contract says otherwise.
struct Preprocessing {
  std::optional<BandPass> band_pass;
  std::optional<Notch> notch;
  double clip_mv;

  FilterOptions filters() const { return {band_pass, notch}; }
};

// Values above `above` are entered as `value`.
struct TopCode {
  double above;
  double value;
};

// One number about the patient, in raw units.
struct ContinuousFeature {
  std::string name;
  std::string unit;
  double minimum;  // a value outside [minimum, maximum] is refused
  double maximum;
  std::optional<double> median;  // in place of a missing value; none: it must be given
  std::optional<TopCode> top_code;
};

// One category of the patient; the network gets its index in `categories`.
struct CategoricalFeature {
  std::string name;
  std::vector<std::string> categories;
  std::optional<std::int64_t> missing_code;  // in place of a missing category; none: it must be given
};

enum class Setting {
  prediction,   // abnormal now: the value closest within plus or minus the horizon
  forecasting,  // abnormal at some moment within the horizon
};
constexpr std::array<std::string_view, 2> words_of(Setting) { return {"prediction", "forecasting"}; }

// The laboratory abnormality that a target stands for.
struct Criterion {
  std::string lab;
  std::optional<std::string> loinc;
  std::string unit;  // empty for a dimensionless quantity
  std::string comparison;
  double threshold;
  Setting setting;
  std::int64_t horizon_min;
  std::string category;
};

// Platt calibration: logit(p) ← slope · logit(p) + intercept.
struct Calibration {
  double slope;
  double intercept;
};

// A share as it was measured, with its 95 % interval.
struct Measured {
  double value;
  double low;
  double high;
};

// What was known of the patients on whom an operating point was measured.
enum class KnownFacts { all, age_and_sex };
constexpr std::array<std::string_view, 2> words_of(KnownFacts) { return {"all", "age and sex"}; }

// Class-conditional conformal prediction: whether a target that is not flagged counts as unsure.
struct ConformalSet {
  double error;
  double positive_from;  // probability from which the set holds "abnormal"
  double negative_to;    // and up to which it holds "not abnormal"
  std::optional<Measured> coverage_positive;
  std::optional<Measured> coverage_negative;
  std::optional<Measured> unsure;

  // Both answers or neither.
  bool is_unsure(double probability) const { return (probability >= positive_from) == (probability <= negative_to); }
};

// From which probability on a target is flagged, in the setting in which that was measured.
struct OperatingPoint {
  std::size_t windows;  // over which the probability is a mean
  KnownFacts facts;
  std::size_t most_missing;  // features; where more are, the point does not hold
  std::optional<double> threshold;
  std::optional<std::string> reason;  // why there is no threshold
  std::size_t patients;
  std::size_t positives;
  std::size_t negatives;
  std::optional<double> prevalence;
  std::optional<Measured> sensitivity;
  std::optional<Measured> specificity;
  std::optional<Measured> ppv;
  std::optional<Measured> npv;
  std::optional<ConformalSet> conformal = {};
};

// How it is decided whether a target is flagged.
struct Decision {
  std::string rule;
  std::string chosen_on;
  std::string measured_on;
  std::vector<OperatingPoint> points;
};

// A laboratory value in place of a probability.
struct Value {
  std::string unit;
  double mean;
  double standard_deviation;
  double interval;
};

// One output of the network.
struct Target {
  std::string name;
  std::optional<std::string> code;  // see `code_of`
  std::optional<Criterion> criterion;
  std::optional<double> decision_threshold;  // of an unknown operating point: contracts of 0.1.0
  std::optional<Calibration> calibration;
  std::optional<Decision> decision;  // goes before it
  std::optional<Value> value;        // always none: `read_contract` refuses it
};

// In messages whose identifiers have 20 characters at most: its code, its name if that fits, else the beginning of the
// name and a checksum.
std::string code_of(const Target& target);

// Values of a continuous feature in the training folds.
struct TrainedRange {
  std::string name;
  double minimum;
  double maximum;
};

// Beyond which distance a recording lies outside experience, in the setting in which that was chosen.
struct ExperienceLimit {
  std::size_t windows;
  KnownFacts facts;
  std::size_t most_missing;
  double distance;
  std::size_t patients;
};

// How far what the model was trained on reaches.
struct Experience {
  std::size_t features;  // of the network: what its last layer is given
  double quantile;
  std::string trained_on;
  std::string chosen_on;
  std::vector<TrainedRange> ranges;
  std::vector<ExperienceLimit> limits;
};

// Whom the model is for.
struct Population {
  double minimum_age;
};

// Whether the network is told which numbers were missing, and in which of its inputs.
enum class MissingFlags { none, continuous, categorical };
constexpr std::array<std::string_view, 3> words_of(MissingFlags) { return {"none", "continuous", "categorical"}; }

struct Contract {
  std::string name;
  Signal signal;
  Preprocessing preprocessing;
  std::vector<ContinuousFeature> continuous;
  std::vector<CategoricalFeature> categorical;
  MissingFlags missing_flags;
  std::vector<Target> targets;
  Population population;
  QualityLimits quality = {};
  std::optional<Experience> experience = {};

  // Columns of the network's input `continuous`: the features, then their flags if they stand there.
  std::size_t continuous_columns() const;
  // For each column of the input `categorical` how many codes it has.
  std::vector<std::size_t> codes_per_column() const;
};

// Throws FieldError.
Contract read_contract(const Field& field);

// From JSON. Throws Error of kind `contract`; `source` is what to call it there.
Contract decode_contract(std::string_view text, const std::string& source);

}  // namespace ecg2lab
