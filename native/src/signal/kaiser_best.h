// The interpolation filter of resampy 0.4.3, `kaiser_best`, as a polyphase bank.
#pragma once

#include <cstdint>
#include <vector>

namespace ecg2lab {

// A ratio of sampling rates in lowest terms: output rate / input rate = up / down.
struct Ratio {
  std::int64_t up;
  std::int64_t down;
};

constexpr std::int64_t kLargestTerm = 10000;
constexpr double kLargestRatio = 1000;

// Throws std::invalid_argument unless both rates are positive and finite, their ratio a fraction with terms of at most
// kLargestTerm, and neither more than kLargestRatio times the other: beyond 2^13 the step through the filter's table
// would be zero.
Ratio ratio_of_rates(double input_rate, double output_rate);

// The weights of one output: of input samples `first`, `first + 1`, … counted from the sample at or before its instant.
struct Phase {
  std::int64_t first;
  std::vector<double> weights;
};

// The filter is a Kaiser-windowed sinc, tabulated at 2^13 points per zero crossing and interpolated linearly between
// them; resampy steps through the table by a truncated integer, which makes its filter a little wider than the formula.
// Both are reproduced, because the published network was trained on them. `position` in [0, 1] is the output's instant
// between two input samples.
Phase kaiser_best_phase(double position, double input_rate, double output_rate);

}  // namespace ecg2lab
