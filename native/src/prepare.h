// Preprocessing: from raw samples in millivolt to the signal that the network was trained on.
#pragma once

#include <string>
#include <vector>

#include "matrix.h"

namespace ecg2lab {

struct PrepareOptions {
  std::vector<std::string> leads;  // wanted, in the network's order
  double sampling_rate_hz;
  double clip_mv;
};

struct LeadReport {
  std::size_t missing_samples;  // NaN in the recording, at its own rate
  std::size_t clipped_samples;  // beyond the clip limit, at its own rate
  bool derived;                 // computed from two other limb leads
  bool empty;                   // has no value at all
  bool flat;                    // has values, and all are the same
  double peak_to_peak_mv;       // of the values, before the clip
  std::size_t longest_gap;      // missing samples without a break, at its own rate
};

struct Prepared {
  Matrix<float> signal;  // (leads, samples at the wanted rate) mV; a lead without any value is zero
  std::vector<LeadReport> leads;
};

// In this order: lead mapping, linear interpolation over NaN, clip, resampling, zeros for what is still NaN.
// Throws std::invalid_argument if a lead is neither recorded nor derivable, a rate or the clip limit is unusable or a
// sample is infinite.
Prepared prepare(MatrixView<double> samples, const std::vector<std::string>& recorded_leads, double recorded_rate_hz,
                 const PrepareOptions& options);

// How many whole windows lie side by side in `samples`, and what remains.
struct WindowCount {
  std::size_t windows;
  std::size_t remainder;
};
WindowCount count_windows(std::size_t samples, std::size_t window);

// (leads, samples) → `out` (windows, leads, window), contiguous.
void cut_windows(const Matrix<float>& signal, std::size_t window, float* out);

}  // namespace ecg2lab
