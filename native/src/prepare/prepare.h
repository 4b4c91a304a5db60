// Preprocessing: from raw samples in millivolt to the signal that the network was trained on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "quality/figures.h"
#include "signal/leads.h"
#include "signal/zero_phase.h"

namespace ecg2lab {

struct PrepareOptions {
  std::vector<std::string> leads;  // wanted, in the network's order
  double sampling_rate_hz;
  double clip_mv;
  FilterOptions filters = {};
  bool measure_quality = false;
};

struct LeadReport {
  std::size_t missing_samples;  // NaN in the recording, at its own rate
  std::size_t clipped_samples;  // beyond the clip limit, at its own rate, after the filters
  bool derived;                 // computed from two other limb leads
  bool empty;                   // has no value at all
  bool flat;                    // has values, and all are the same
  double peak_to_peak_mv;       // of the values, before filters and clip
  std::size_t longest_gap;      // missing samples without a break, at its own rate
};

struct Prepared {
  Matrix<float> signal;  // (leads, samples at the wanted rate) mV; a lead without any value is zero
  std::vector<LeadReport> leads;
  std::size_t recorded_samples = 0;       // that this was made of
  double recorded_rate_hz = 0;            // and their rate
  std::optional<QualityFigures> figures;  // of the gaps closed, before filters and clip; none: not asked for

  double duration_s() const { return static_cast<double>(recorded_samples) / recorded_rate_hz; }
};

// In this order: lead mapping, linear interpolation over NaN, filters if any (band-pass, then notch), clip, resampling;
// a lead without any value is zero. Filters come after the gaps are closed, because a recursive filter would carry a
// NaN to the end of the lead; before the clip, because what they take out (wandering baseline, electrode offset) would
// otherwise push the ECG into the limit; and at the recording's own rate, because the clip is not linear and belongs
// before the resampler.
// Throws std::invalid_argument if a lead is neither recorded nor derivable, a rate, the clip limit or a filter is
// unusable, a sample is infinite, or the recording is too short for its filters.
Prepared prepare(MatrixView<double> samples, const std::vector<std::string>& recorded_leads, double recorded_rate_hz,
                 const PrepareOptions& options);

// What `prepare` would say of such samples, of at least one lead, if it had no filters; without their signal.
// Throws std::invalid_argument if a sample is infinite.
Prepared inspect(MatrixView<double> samples, const std::vector<LeadSource>& sources, double recorded_rate_hz,
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
