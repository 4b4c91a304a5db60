#include "prepare/prepare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>

#include "base/errors.h"
#include "signal/kernels/select.h"
#include "signal/missing.h"
#include "signal/resample.h"

namespace ecg2lab {
namespace {

Survey survey_lead(std::span<const double> lead, double limit) {
  return select_signal_kernels().survey(lead.data(), lead.size(), limit);
}

// The wanted leads: each is a row of the recording itself, until something changes it.
class Leads {
 public:
  Leads(MatrixView<double> samples, const std::vector<LeadSource>& sources)
      : length_(samples.columns), own_(sources.size()) {
    for (std::size_t index = 0; index < sources.size(); ++index) {
      rows_.push_back(samples.row(sources[index].terms.front().row).data());
      if (sources[index].derived()) extract_lead(samples, sources[index], make_own(index));
    }
  }

  std::span<const double> row(std::size_t index) const { return {rows_[index], length_}; }
  std::span<const double* const> rows() const { return rows_; }

  // A lead that may be changed, with the values that it has.
  std::span<double> change(std::size_t index) {
    if (!own_[index]) {
      const auto before = row(index);
      std::copy(before.begin(), before.end(), make_own(index).begin());
    }
    return {own_[index].get(), length_};
  }

 private:
  std::span<double> make_own(std::size_t index) {
    own_[index] = std::make_unique_for_overwrite<double[]>(length_);
    rows_[index] = own_[index].get();
    return {own_[index].get(), length_};
  }

  std::size_t length_;
  std::vector<const double*> rows_;
  std::vector<std::unique_ptr<double[]>> own_;
};

// Closes the gaps of a lead; one without any value becomes zero.
LeadReport fill_gaps(Leads& leads, std::size_t index, const PrepareOptions& options) {
  Survey survey = survey_lead(leads.row(index), options.clip_mv);
  if (!std::isfinite(survey.highest - survey.lowest) && survey.missing < leads.row(index).size())
    throw Error(ErrorKind::recording, say<MessageCode::recording_infinite>(options.leads[index]));
  LeadReport report{};
  report.missing_samples = report.longest_gap = survey.missing;
  report.empty = survey.missing == leads.row(index).size();
  if (report.empty) {
    const std::span<double> lead = leads.change(index);
    std::fill(lead.begin(), lead.end(), 0.0);
    return report;
  }
  if (survey.missing > 0) {
    const std::span<double> lead = leads.change(index);
    report.longest_gap = interpolate_missing(lead).longest_run;
    survey = survey_lead(lead, options.clip_mv);  // more samples may lie beyond the limit now
  }
  report.peak_to_peak_mv = survey.highest - survey.lowest;
  report.flat = report.peak_to_peak_mv == 0;
  report.clipped_samples = survey.beyond;
  return report;
}

std::vector<LeadReport> fill_gaps(Leads& leads, const std::vector<LeadSource>& sources, const PrepareOptions& options) {
  std::vector<LeadReport> reports;
  for (std::size_t index = 0; index < sources.size(); ++index) {
    reports.push_back(fill_gaps(leads, index, options));
    reports.back().derived = sources[index].derived();
  }
  return reports;
}

QualityFigures measure(const Leads& leads, double rate_hz, const PrepareOptions& options,
                       const std::vector<LeadReport>& reports) {
  std::vector<MeasuredLead> measured;
  for (std::size_t index = 0; index < reports.size(); ++index) {
    const bool own = !reports[index].derived && reports[index].missing_samples == 0;
    measured.push_back({options.leads[index], leads.row(index).data(), own});
  }
  return measure_quality(measured, leads.row(0).size(), rate_hz);
}

// Everything that comes before the filters.
Prepared close_gaps(Leads& leads, std::size_t samples, const std::vector<LeadSource>& sources, double rate_hz,
                    const PrepareOptions& options) {
  Prepared prepared;
  prepared.recorded_samples = samples;
  prepared.recorded_rate_hz = rate_hz;
  prepared.leads = fill_gaps(leads, sources, options);
  if (options.measure_quality && !sources.empty()) {
    prepared.figures = measure(leads, rate_hz, options, prepared.leads);
  }
  return prepared;
}

void run_filters(Leads& leads, double rate_hz, const PrepareOptions& options, std::vector<LeadReport>& reports) {
  std::vector<double*> rows;
  for (std::size_t index = 0; index < reports.size(); ++index) rows.push_back(leads.change(index).data());
  const std::size_t length = leads.row(0).size();
  const SignalKernels& kernels = select_signal_kernels();
  const FilterOptions& filters = options.filters;
  if (filters.band_pass) filter_zero_phase(rows, length, design(*filters.band_pass, rate_hz), kernels);
  if (filters.notch) filter_zero_phase(rows, length, design(*filters.notch, rate_hz), kernels);
  for (std::size_t index = 0; index < reports.size(); ++index) {
    reports[index].clipped_samples = survey_lead(leads.row(index), options.clip_mv).beyond;
  }
}

}  // namespace

Prepared prepare(MatrixView<double> samples, const std::vector<std::string>& recorded_leads, double recorded_rate_hz,
                 const PrepareOptions& options) {
  if (recorded_leads.size() != samples.rows) throw std::invalid_argument("one name per row of samples is needed");
  require_clip(options.clip_mv);
  const auto sources = require_leads(recorded_leads, options.leads);
  const auto resampler = shared_resampler(recorded_rate_hz, options.sampling_rate_hz);
  const std::size_t length = resampler->output_length(samples.columns);

  Leads leads(samples, sources);
  Prepared prepared = close_gaps(leads, samples.columns, sources, recorded_rate_hz, options);
  if (options.filters.any() && !sources.empty()) run_filters(leads, recorded_rate_hz, options, prepared.leads);
  prepared.signal = Matrix<float>(sources.size(), length);
  resampler->run({leads.rows(), 0, samples.columns}, options.clip_mv,
                 {prepared.signal.values.data(), length, 0, length});
  return prepared;
}

Prepared inspect(MatrixView<double> samples, const std::vector<LeadSource>& sources, double recorded_rate_hz,
                 const PrepareOptions& options) {
  Leads leads(samples, sources);
  return close_gaps(leads, samples.columns, sources, recorded_rate_hz, options);
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
