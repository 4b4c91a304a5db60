// A piece of a recording at the analysis rate, and what is filtered from it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "signal/kernels/table.h"

namespace ecg2lab {

// (count, lanes), row by row.
struct Rows {
  std::size_t count = 0, lanes = 0;
  std::vector<double> values;

  const double* row(std::size_t t) const { return values.data() + t * lanes; }
  double* row(std::size_t t) { return values.data() + t * lanes; }
};

// Every so many samples become one, their mean: the lowest whole fraction of the rate that is 125 Hz or more, so that
// both mains frequencies lie within. A recording below 250 Hz keeps its own rate.
std::size_t decimation(double rate_hz);

// What is left of a sine when every `step` samples become their mean.
double gain_of_mean(std::size_t step, double frequency_hz, double rate_hz);

// Sections that carry on from piece to piece.
class RunningFilter {
 public:
  RunningFilter(std::vector<Section> sections, std::size_t lanes)
      : sections_(std::move(sections)), states_(sections_.size() * 2 * lanes) {}

  void run(Rows& rows, const SignalKernels& kernels);

 private:
  std::vector<Section> sections_;
  std::vector<double> states_;  // (sections, 2, lanes)
};

// Butterworth filters of even order, by the bilinear transform. Stable for 0 < edge < rate/2.
std::vector<Section> low_pass(double edge_hz, double rate_hz, int order);
std::vector<Section> high_pass(double edge_hz, double rate_hz, int order);
// Amplitude after one of them.
double gain(std::span<const Section> sections, double frequency_hz, double rate_hz);

}  // namespace ecg2lab
