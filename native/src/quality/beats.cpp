#include "quality/beats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ecg2lab {
namespace {

constexpr double kHop = 0.032, kSmooth = 0.128, kRefractory = 0.25, kTolerance = 0.15, kReference = 2;  // s
constexpr double kThreshold = 0.3;  // of the way from the mean to the usual peak

std::size_t count_of(double seconds, double step_s) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(seconds / step_s + 0.5));
}

// Each hop becomes the sum of those around it.
void smooth(BeatFeature& feature) {
  Rows& hops = feature.hops;
  const std::size_t width = count_of(kSmooth, feature.hop_s);
  if (hops.count < width) return;
  for (std::size_t t = 0; t + width <= hops.count; ++t) {  // forwards: what follows is still as it was
    double* const sum = hops.row(t);
    for (std::size_t i = 1; i < width; ++i) {
      const double* const next = hops.row(t + i);
      for (std::size_t lane = 0; lane < hops.lanes; ++lane) sum[lane] += next[lane];
    }
  }
  hops.count -= width - 1;
}

template <typename Term>
BeatFeature sum_over_hops(const Rows& rows, double rate_hz, Term&& term) {
  const std::size_t hop = count_of(kHop, 1 / rate_hz);
  BeatFeature feature{.hops = {.count = rows.count / hop, .lanes = rows.lanes, .values = {}},
                      .hop_s = static_cast<double>(hop) / rate_hz};
  feature.hops.values.assign(feature.hops.count * rows.lanes, 0);
  for (std::size_t h = 0; h < feature.hops.count; ++h) {
    double* const sum = feature.hops.row(h);
    for (std::size_t i = 0; i < hop; ++i) {
      const std::size_t t = h * hop + i;
      const double *const now = rows.row(t), *const before = rows.row(t == 0 ? 0 : t - 1);
      for (std::size_t lane = 0; lane < rows.lanes; ++lane) sum[lane] += term(now[lane], before[lane]);
    }
  }
  smooth(feature);
  return feature;
}

// The lower quartile of the highest values of parts of two seconds: ventricular beats are larger than the others.
double usual_peak(const std::vector<double>& values, double hop_s) {
  const std::size_t part = count_of(kReference, hop_s);
  std::vector<double> peaks;
  for (std::size_t first = 0; first + part <= values.size() || first == 0; first += part) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(first);
    peaks.push_back(*std::max_element(begin, begin + std::min<std::ptrdiff_t>(part, values.end() - begin)));
  }
  const auto quartile = peaks.begin() + static_cast<std::ptrdiff_t>((peaks.size() - 1) / 4);
  std::nth_element(peaks.begin(), quartile, peaks.end());
  return *quartile;
}

// Hops with more than the threshold and more than any other in the refractory time around them.
std::vector<std::size_t> find_beats(const BeatFeature& feature, std::size_t lane) {
  std::vector<double> values(feature.hops.count);
  double sum = 0;
  for (std::size_t t = 0; t < values.size(); ++t) sum += values[t] = feature.hops.row(t)[lane];
  const double mean = sum / static_cast<double>(values.size());
  const double threshold = mean + kThreshold * (usual_peak(values, feature.hop_s) - mean);
  const std::size_t around = count_of(kRefractory, feature.hop_s);
  std::vector<std::size_t> beats;
  for (std::size_t t = 0; t < values.size(); ++t) {
    if (!(values[t] > threshold)) continue;
    if ((t > 0 && values[t - 1] > values[t]) || (t + 1 < values.size() && values[t + 1] > values[t])) continue;
    const std::size_t first = t < around ? 0 : t - around, last = std::min(values.size(), t + around + 1);
    const auto highest = std::max_element(values.begin() + static_cast<std::ptrdiff_t>(first),
                                          values.begin() + static_cast<std::ptrdiff_t>(last));
    if (static_cast<std::size_t>(highest - values.begin()) == t) beats.push_back(t);
  }
  return beats;
}

}  // namespace

BeatFeature energy_feature(const Rows& rows, double rate_hz) {
  BeatFeature feature = sum_over_hops(rows, rate_hz, [](double now, double) { return now * now; });
  for (double& value : feature.hops.values) value = std::sqrt(value);
  return feature;
}

BeatFeature length_feature(const Rows& rows, double rate_hz) {
  return sum_over_hops(rows, rate_hz, [](double now, double before) { return std::abs(now - before); });
}

double agreement(const BeatFeature& a, const BeatFeature& b, std::size_t lane) {
  if (a.hops.count == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto first = find_beats(a, lane), second = find_beats(b, lane);
  if (std::max(first.size(), second.size()) < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto tolerance = static_cast<std::size_t>(kTolerance / a.hop_s);
  std::size_t both = 0;
  for (std::size_t i = 0, j = 0; i < first.size() && j < second.size();) {
    if (first[i] + tolerance < second[j]) {
      ++i;
    } else if (second[j] + tolerance < first[i]) {
      ++j;
    } else {
      ++both, ++i, ++j;
    }
  }
  return static_cast<double>(both) / static_cast<double>(first.size() + second.size() - both);
}

}  // namespace ecg2lab
