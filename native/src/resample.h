// Rational resampling, equal to resampy 0.4.3 with its filter `kaiser_best`.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ecg2lab {

// The filter is a Kaiser-windowed sinc, tabulated at 2^13 points per zero crossing and interpolated linearly between
// them; resampy steps through the table by a truncated integer, which makes its filter a little wider than the formula.
// Both are reproduced, because the published network was trained on them. All weights of one output phase depend
// only on (output index · in/out rate) mod 1, so they are computed once: a polyphase bank.
class Resampler {
 public:
  // Rates in Hz; their ratio must be a fraction with terms of at most kLargestTerm, and at most kLargestRatio: beyond
  // 2^13 the step through the table would be zero.
  // Throws std::invalid_argument otherwise.
  Resampler(double input_rate, double output_rate);

  std::size_t output_length(std::size_t input_length) const;
  // Input samples after the output's instant that the filter reads: the delay of a live signal.
  std::size_t look_ahead() const { return look_ahead_; }
  // `out` is output_length(in.size()) long. Samples beyond both ends count as zero, as in resampy.
  void run(std::span<const double> in, std::span<double> out) const;

  static constexpr std::int64_t kLargestTerm = 10000;
  static constexpr double kLargestRatio = 1000;

 private:
  struct Phase {
    std::ptrdiff_t first;         // offset of the first weight from the output's integer input position
    std::vector<double> weights;  // in the order of time
  };
  Phase make_phase(double fraction) const;

  double input_rate_;
  double output_rate_;
  std::int64_t up_ = 1;  // output_rate / input_rate = up / down in lowest terms
  std::int64_t down_ = 1;
  std::vector<Phase>
      phases_;  // index (t·down) mod up; one more for a position that rounding puts just below an integer
  std::size_t look_ahead_ = 0;
};

}  // namespace ecg2lab
