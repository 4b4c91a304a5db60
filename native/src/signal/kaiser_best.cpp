#include "signal/kaiser_best.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "base/errors.h"
#include "base/number_text.h"

namespace ecg2lab {
namespace {

// `kaiser_best` of resampy 0.4.3 (filters.py, data/kaiser_best.npz): checked against its table in the tests.
constexpr int kZeroCrossings = 50;
constexpr int kTableStep = 1 << 13;
constexpr double kRolloff = 0.9173473712608761;
constexpr double kBeta = 12.984585247040012;
constexpr std::int64_t kTableEnd = std::int64_t{kZeroCrossings} * kTableStep;

// Modified Bessel function of the first kind, order 0, by its power series: converges for every argument here (≤ 13).
double bessel_i0(double x) {
  const double quarter = x * x / 4;
  double term = 1;
  double sum = 1;
  for (int k = 1; term > sum * 1e-17; ++k) {
    term *= quarter / (static_cast<double>(k) * k);
    sum += term;
  }
  return sum;
}

double table_entry(std::int64_t index) {
  if (index > kTableEnd) return 0;
  const double position = static_cast<double>(index) / kTableStep;
  const double angle = std::numbers::pi * kRolloff * position;
  const double sinc = index == 0 ? 1 : std::sin(angle) / angle;
  const double edge = static_cast<double>(index) / static_cast<double>(kTableEnd);
  static const double peak = bessel_i0(kBeta);
  return kRolloff * sinc * bessel_i0(kBeta * std::sqrt(1 - edge * edge)) / peak;
}

// Weights of one wing, nearest sample first, for a wing that starts `distance` (in table crossings) from the centre.
std::vector<double> wing(double distance, std::int64_t index_step, double gain) {
  const double position = distance * kTableStep;
  const auto offset = static_cast<std::int64_t>(position);
  const double eta = position - static_cast<double>(offset);
  const std::int64_t count = (kTableEnd + 1 - offset) / index_step;
  std::vector<double> weights(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::int64_t index = offset + static_cast<std::int64_t>(i) * index_step;
    const double here = table_entry(index);
    const double next = index < kTableEnd ? table_entry(index + 1) : here;
    weights[i] = gain * (here + eta * (next - here));
  }
  return weights;
}

// Lowest terms of `ratio` by continued fractions.
Ratio fraction(double ratio, std::int64_t largest) {
  std::int64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0;
  double rest = ratio;
  for (int step = 0; step < 64; ++step) {
    const double whole = std::floor(rest);
    if (whole > static_cast<double>(largest)) break;
    const auto a = static_cast<std::int64_t>(whole);
    const std::int64_t p2 = a * p1 + p0;
    const std::int64_t q2 = a * q1 + q0;
    if (p2 > largest || q2 > largest) break;
    p0 = p1, q0 = q1, p1 = p2, q1 = q2;
    const double value = static_cast<double>(p1) / static_cast<double>(q1);
    if (std::abs(value - ratio) <= 1e-12 * ratio) return {p1, q1};
    rest = 1 / (rest - whole);
  }
  throw Error(ErrorKind::recording, say<MessageCode::recording_rate_ratio>(std::to_string(largest)));
}

}  // namespace

Ratio ratio_of_rates(double input_rate, double output_rate) {
  if (!(input_rate > 0) || !(output_rate > 0) || !std::isfinite(input_rate) || !std::isfinite(output_rate)) {
    throw std::invalid_argument("sampling rates must be positive and finite");
  }
  if (input_rate / output_rate > kLargestRatio || output_rate / input_rate > kLargestRatio) {
    throw Error(ErrorKind::recording, say<MessageCode::recording_rates_apart>(number_text(kLargestRatio)));
  }
  return fraction(output_rate / input_rate, kLargestTerm);
}

Phase kaiser_best_phase(double position, double input_rate, double output_rate) {
  const double scale = std::min(1.0, output_rate / input_rate);
  const auto index_step = static_cast<std::int64_t>(scale * kTableStep);
  const auto left = wing(scale * position, index_step, scale);
  const auto right = wing(scale - scale * position, index_step, scale);
  Phase phase{-static_cast<std::int64_t>(left.size()) + 1, {left.rbegin(), left.rend()}};
  phase.weights.insert(phase.weights.end(), right.begin(), right.end());
  return phase;
}

}  // namespace ecg2lab
