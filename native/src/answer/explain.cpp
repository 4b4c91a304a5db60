#include "answer/explain.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "answer/sigmoid.h"
#include "base/errors.h"
#include "base/number_text.h"

namespace ecg2lab {
namespace {

double add_logs(double a, double b) {
  const double more = std::max(a, b), less = std::min(a, b);
  return std::isinf(more) ? more : more + std::log1p(std::exp(less - more));
}

// Logit of the mean probability, calibrated; also where a probability rounds to 0 or 1.
double calibrated(const std::vector<double>& logits, const Target& target) {
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  double with = kNone, without = kNone;
  for (const double logit : logits) {
    with = add_logs(with, -add_logs(0, -logit));
    without = add_logs(without, -add_logs(0, logit));
  }
  const double mean = with - without;
  return target.calibration ? target.calibration->slope * mean + target.calibration->intercept : mean;
}

float median(std::vector<float> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

std::size_t segment_samples(double segment_s, const Signal& signal) {
  const double rate = signal.sampling_rate_hz, shortest = 1 / rate, longest = signal.window_s();
  if (segment_s >= shortest && segment_s <= longest) return static_cast<std::size_t>(std::nearbyint(segment_s * rate));
  throw std::invalid_argument("a segment is " + number_text(shortest) + " s (one sample) to " + number_text(longest) +
                              " s (one window) long");
}

// As if facts had not been given; none if the contract has nothing to put in their place.
std::optional<Features> without(Patient patient, const std::vector<std::string>& names, const Contract& contract,
                                OutOfRange policy) {
  for (const std::string& name : names) {
    patient.numbers.erase(name);
    patient.words.erase(name);
  }
  try {
    return encode_features(patient, contract, policy);
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Occlusion::Occlusion(const Contract& contract, std::vector<float> windows, const Patient& patient, OutOfRange policy,
                     double segment_s)
    : contract_(contract),
      windows_(std::move(windows)),
      count_(windows_.size() / (contract.signal.leads.size() * contract.signal.window_samples)),
      features_{encode_features(patient, contract, policy)} {
  add_signal(segment_s);
  add_facts(patient, policy);
}

void Occlusion::add(Removal removal) {
  removal.row = rows_.size();
  if (removal.kind != Kind::segment) removal.windows = count_;
  for (std::size_t i = 0; i < removal.windows; ++i) rows_.push_back({removals_.size(), removal.window + i});
  removals_.push_back(std::move(removal));
}

void Occlusion::add_signal(double segment_s) {
  const std::vector<std::string>& leads = contract_.signal.leads;
  const std::size_t length = contract_.signal.window_samples, step = segment_samples(segment_s, contract_.signal);
  for (std::size_t lead = 0; lead < leads.size(); ++lead) {
    std::vector<float> values;
    for (std::size_t window = 0; window < count_; ++window) {
      const float* const row = &windows_[(window * leads.size() + lead) * length];
      values.insert(values.end(), row, row + length);
    }
    medians_.push_back(median(std::move(values)));
  }
  add({.kind = Kind::nothing});
  for (std::size_t lead = 0; lead < leads.size(); ++lead) add({.kind = Kind::lead, .name = leads[lead], .lead = lead});
  add({.kind = Kind::ecg, .name = "ECG"});
  for (std::size_t window = 0; window < count_; ++window) {
    for (std::size_t first = 0; first < length; first += step) {
      const std::size_t end = std::min(first + step, length);
      add({.kind = Kind::segment, .first = first, .end = end, .window = window, .windows = 1});
    }
  }
}

void Occlusion::add_facts(const Patient& patient, OutOfRange policy) {
  const Features& whole = features_.front();
  std::vector<std::string> used;
  for (const auto& fact : patient.facts()) {
    if (!contains(whole.unused, fact.first) && !contains(whole.out_of_range, fact.first)) used.push_back(fact.first);
  }
  const auto remove = [&](Kind kind, const std::string& name, const std::vector<std::string>& facts) {
    std::optional<Features> rest = without(patient, facts, contract_, policy);
    if (!rest) return false;
    add({.kind = kind, .name = name, .features = features_.size()});
    features_.push_back(std::move(*rest));
    return true;
  };
  for (const std::string& name : used) {
    if (!remove(Kind::fact, name, {name})) not_removable_.push_back(name);
  }
  remove(Kind::patient, "patient", used);
}

void Occlusion::fill(std::size_t first, std::size_t count, float* signal, float* continuous,
                     std::int64_t* categorical) const {
  const std::size_t size = contract_.signal.leads.size() * contract_.signal.window_samples;
  for (const auto& [index, window] : std::span(rows_).subspan(first, count)) {
    const Removal& removal = removals_[index];
    std::copy_n(&windows_[window * size], size, signal);
    occlude(removal, window, signal);
    signal += size;
    const Features& features = features_[removal.features];
    continuous = std::copy(features.continuous.begin(), features.continuous.end(), continuous);
    categorical = std::copy(features.categorical.begin(), features.categorical.end(), categorical);
  }
}

// A lead becomes flat at its median. A segment becomes a line from the sample before to the one after; at an edge of
// the window the nearest value is held, or else the median.
void Occlusion::occlude(const Removal& removal, std::size_t window, float* signal) const {
  const std::size_t leads = contract_.signal.leads.size(), length = contract_.signal.window_samples;
  const float* const whole = &windows_[window * leads * length];
  for (std::size_t lead = 0; lead < leads; ++lead) {
    float* const row = signal + lead * length;
    if (removal.kind == Kind::ecg || (removal.kind == Kind::lead && removal.lead == lead)) {
      std::fill_n(row, length, medians_[lead]);
    } else if (removal.kind == Kind::segment) {
      const float* const from = whole + lead * length;
      const bool before = removal.first > 0, after = removal.end < length;
      const float start = before ? from[removal.first - 1] : after ? from[removal.end] : medians_[lead];
      const float stop = after ? from[removal.end] : start;
      const auto steps = static_cast<float>(removal.end - removal.first + 1);
      for (std::size_t t = removal.first; t < removal.end; ++t) {
        row[t] = start + (stop - start) * (static_cast<float>(t - removal.first + 1) / steps);
      }
    }
  }
}

Effect Occlusion::effect(const Removal& removal, const std::string& part, MatrixView<float> logits,
                         std::size_t target) const {
  std::vector<double> base, changed;
  for (std::size_t window = 0; window < count_; ++window) base.push_back(logits.row(window)[target]);
  changed = base;
  for (std::size_t i = 0; i < removal.windows; ++i) {
    changed[removal.window + i] = logits.row(removal.row + i)[target];
  }
  const double whole = calibrated(base, contract_.targets[target]);
  const double rest = calibrated(changed, contract_.targets[target]);
  if (removal.kind == Kind::nothing) return {part, whole, sigmoid(whole)};
  return {part, whole - rest, sigmoid(whole) - sigmoid(rest)};
}

std::vector<Explanation> Occlusion::explain(MatrixView<float> logits, const std::vector<std::size_t>& targets) const {
  const float* const end = logits.data + logits.rows * logits.columns;
  if (!std::all_of(logits.data, end, [](float logit) { return std::isfinite(logit); })) {
    throw Error(ErrorKind::backend, "the network's output cannot be used: it is not finite");
  }
  const Signal& signal = contract_.signal;
  std::vector<Explanation> all;
  for (const std::size_t target : targets) {
    Explanation explanation{};
    explanation.target = contract_.targets[target].name;
    explanation.not_removable = not_removable_;
    for (const Removal& removal : removals_) {
      Effect found = effect(removal, removal.name, logits, target);
      const auto at = [&](std::size_t sample) {
        return static_cast<double>(removal.window * signal.window_samples + sample) / signal.sampling_rate_hz;
      };
      switch (removal.kind) {
        case Kind::nothing:
          explanation.logit = found.logit, explanation.probability = found.probability;
          break;
        case Kind::lead:
          explanation.leads.push_back(std::move(found));
          break;
        case Kind::ecg:
          explanation.ecg = std::move(found);
          break;
        case Kind::segment:
          explanation.segments.push_back({at(removal.first), at(removal.end), found.logit, found.probability});
          break;
        case Kind::fact:
          explanation.facts.push_back(std::move(found));
          break;
        case Kind::patient:
          explanation.patient = std::move(found);
          break;
      }
    }
    all.push_back(std::move(explanation));
  }
  return all;
}

}  // namespace ecg2lab
