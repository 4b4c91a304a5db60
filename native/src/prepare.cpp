#include "prepare.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "leads.h"
#include "missing.h"
#include "resample.h"

namespace ecg2lab {
namespace {

void refuse_infinite(std::span<const double> lead, const std::string& name) {
  if (std::any_of(lead.begin(), lead.end(), [](double x) { return std::isinf(x); })) {
    throw std::invalid_argument("lead " + name + " has infinite samples");
  }
}

std::size_t clip(std::span<double> lead, double limit) {
  std::size_t clipped = 0;
  for (double& x : lead) {
    clipped += std::abs(x) > limit;
    x = std::clamp(x, -limit, limit);
  }
  return clipped;
}

}  // namespace

Prepared prepare(MatrixView<double> samples, const std::vector<std::string>& recorded_leads, double recorded_rate_hz,
                 const PrepareOptions& options) {
  if (recorded_leads.size() != samples.rows) throw std::invalid_argument("one name per row of samples is needed");
  if (!(options.clip_mv > 0)) throw std::invalid_argument("the clip limit must be positive");
  const auto sources = map_leads(recorded_leads, options.leads);
  const Resampler resampler(recorded_rate_hz, options.sampling_rate_hz);

  Prepared prepared;
  prepared.signal = Matrix<float>(options.leads.size(), resampler.output_length(samples.columns));
  std::vector<double> lead(samples.columns);
  std::vector<double> resampled(prepared.signal.columns);
  for (std::size_t index = 0; index < sources.size(); ++index) {
    if (!sources[index].found()) throw std::invalid_argument("lead " + options.leads[index] + " is missing");
    extract_lead(samples, sources[index], lead);
    refuse_infinite(lead, options.leads[index]);
    const MissingCount missing = interpolate_missing(lead);
    LeadReport report{.missing_samples = missing.samples,
                      .clipped_samples = 0,
                      .derived = sources[index].derived(),
                      .empty = missing.samples == lead.size(),
                      .flat = false,
                      .peak_to_peak_mv = 0,
                      .longest_gap = missing.longest_run};
    if (!report.empty) {  // else it stays zero
      const auto [lowest, highest] = std::minmax_element(lead.begin(), lead.end());
      report.peak_to_peak_mv = *highest - *lowest;
      report.flat = report.peak_to_peak_mv == 0;
      report.clipped_samples = clip(lead, options.clip_mv);
      resampler.run(lead, resampled);
      std::transform(resampled.begin(), resampled.end(), prepared.signal.row(index).begin(),
                     [](double x) { return static_cast<float>(x); });
    }
    prepared.leads.push_back(report);
  }
  return prepared;
}

WindowCount count_windows(std::size_t samples, std::size_t window) {
  if (window == 0) throw std::invalid_argument("a window of zero samples");
  return {samples / window, samples % window};
}

void cut_windows(const Matrix<float>& signal, std::size_t window, float* out) {
  const std::size_t windows = count_windows(signal.columns, window).windows;
  for (std::size_t w = 0; w < windows; ++w) {
    for (std::size_t lead = 0; lead < signal.rows; ++lead) {
      const auto row = signal.row(lead).subspan(w * window, window);
      out = std::copy(row.begin(), row.end(), out);
    }
  }
}

}  // namespace ecg2lab
