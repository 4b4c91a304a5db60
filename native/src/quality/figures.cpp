#include "quality/figures.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/float_environment.h"
#include "quality/beats.h"
#include "quality/leads.h"
#include "quality/rows.h"
#include "quality/samples.h"
#include "quality/spectrum.h"
#include "signal/kernels/select.h"

namespace ecg2lab {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPiece = 10;  // s
// A second that varies by no more is flat: in mV, and beside the largest lead, so that a unit slip is none.
constexpr double kFlatRange = 0.01, kFlatShare = 0.01;
constexpr double kMains[] = {50, 60};  // Hz
constexpr double kBeyondReason = 1e6;  // mV: figures stay finite
constexpr double kLowestRate = 100;    // Hz: what lies below 40 Hz can be told from what lies above
constexpr double kNoiseFrom = 40;      // Hz

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of one number that number, of none NaN.
double second_highest(std::vector<double>& values) {
  if (values.empty()) return kNaN;
  std::sort(values.begin(), values.end(), std::greater<>());
  return values[std::min<std::size_t>(1, values.size() - 1)];
}

// Means over the pieces in which there was a figure.
class Average {
 public:
  explicit Average(std::size_t leads) : sums_(leads, Figures{}), counts_(leads, Figures{}) {}

  void add(std::size_t lead, Fault fault, double figure) {
    if (std::isnan(figure)) return;
    sums_[lead][index_of(fault)] += figure;
    counts_[lead][index_of(fault)] += 1;
  }

  double of(std::size_t lead, Fault fault) const {
    return sums_[lead][index_of(fault)] / counts_[lead][index_of(fault)];  // 0/0: NaN
  }

 private:
  std::vector<Figures> sums_, counts_;
};

class Measurement {
 public:
  Measurement(std::span<const MeasuredLead> leads, double rate_hz)
      : leads_(leads),
        rate_hz_(rate_hz),
        step_(decimation(rate_hz)),
        slow_hz_(rate_hz / static_cast<double>(step_)),
        lanes_((leads.size() + kSectionLanes - 1) / kSectionLanes * kSectionLanes),
        kernels_(select_signal_kernels()),
        low_(low_pass(1, slow_hz_, 2), lanes_),
        below_40_(low_pass(40, slow_hz_, 4), lanes_),
        above_5_(high_pass(5, slow_hz_, 4), lanes_),
        below_15_(low_pass(15, slow_hz_, 4), lanes_),
        high_sections_(high_pass(kNoiseFrom, slow_hz_, 4)),
        high_(high_sections_, lanes_),
        average_(leads.size()),
        products_(lanes_ * lanes_, 0) {
    for (const MeasuredLead& lead : leads) first_.push_back(lead.samples[0]);
  }

  void add_piece(std::size_t begin, std::size_t end);
  QualityFigures figures() const;

 private:
  void decimate(std::size_t begin, std::size_t end);
  void measure_samples(std::size_t begin, std::size_t end);
  void measure_ranges();
  void measure_noise();
  void measure_bands(const Lanes& below_1);
  void add(Fault fault, const Lanes& figures) {
    for (std::size_t lead = 0; lead < leads_.size(); ++lead) average_.add(lead, fault, figures[lead]);
  }

  std::span<const MeasuredLead> leads_;
  double rate_hz_;
  std::size_t step_;
  double slow_hz_;
  std::size_t lanes_;
  const SignalKernels& kernels_;
  RunningFilter low_, below_40_, above_5_, below_15_;
  std::vector<Section> high_sections_;
  RunningFilter high_;
  Average average_;
  std::vector<double> products_;
  std::vector<double> first_;  // of each lead: an offset that no filter sees
  Rows rows_, work_;
};

void Measurement::decimate(std::size_t begin, std::size_t end) {
  rows_.count = (end - begin) / step_;
  rows_.lanes = lanes_;
  rows_.values.assign(rows_.count * lanes_, 0);
  const double scale = 1 / static_cast<double>(step_);
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    const double* from = leads_[lead].samples + begin;
    double* to = rows_.values.data() + lead;
    for (std::size_t t = 0; t < rows_.count; ++t, from += step_, to += lanes_) {
      double sum = 0;
      for (std::size_t i = 0; i < step_; ++i) sum += from[i];
      *to = std::clamp(sum * scale - first_[lead], -kBeyondReason, kBeyondReason);
    }
  }
}

void Measurement::measure_samples(std::size_t begin, std::size_t end) {
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    const double* const samples = leads_[lead].samples + begin;
    average_.add(lead, Fault::saturated, share_at_rails(samples, end - begin, rate_hz_, kernels_));
    average_.add(lead, Fault::paced, std::min(usual_spike(samples, end - begin, rate_hz_, kernels_), kBeyondReason));
  }
}

// The usual range of a second, and the share of flat seconds.
void Measurement::measure_ranges() {
  const Rows seconds = range_in_seconds(rows_, slow_hz_);
  Lanes usual(leads_.size());
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    std::vector<double> ranges(seconds.count);
    for (std::size_t s = 0; s < seconds.count; ++s) ranges[s] = seconds.row(s)[lead];
    usual[lead] = median(ranges);
    average_.add(lead, Fault::too_large, usual[lead]);
  }
  const double flat_range = std::min(kFlatRange, kFlatShare * *std::max_element(usual.begin(), usual.end()));
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    std::size_t flat = 0;
    for (std::size_t s = 0; s < seconds.count; ++s) flat += seconds.row(s)[lead] <= flat_range;
    average_.add(lead, Fault::flat, static_cast<double>(flat) / static_cast<double>(seconds.count));
  }
}

void Measurement::measure_noise() {
  work_ = rows_;
  high_.run(work_, kernels_);
  Lanes noise = floor_level(work_, slow_hz_), hum(lanes_, kNaN);
  for (const double frequency : kMains) {
    if (frequency >= slow_hz_ / 2) continue;
    const double filtered = gain(high_sections_, frequency, slow_hz_);
    const double through = filtered * gain_of_mean(step_, frequency, rate_hz_);
    const Lanes amplitude = amplitude_at(work_, frequency, slow_hz_);
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      hum[lane] = std::fmax(hum[lane], amplitude[lane] / through);
      noise[lane] = std::sqrt(std::fmax(0, noise[lane] * noise[lane] - amplitude[lane] * amplitude[lane] / 2));
    }
  }
  add(Fault::noise, noise);
  add(Fault::mains, hum);
}

void Measurement::add_piece(std::size_t begin, std::size_t end) {
  measure_samples(begin, end);
  decimate(begin, end);
  if (rows_.count == 0) return;
  measure_ranges();
  measure_noise();
  work_ = rows_;
  low_.run(work_, kernels_);
  const Lanes below_1 = variance(work_);
  Lanes wander(lanes_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) wander[lane] = 2 * std::sqrt(2 * below_1[lane]);
  add(Fault::wander, wander);
  measure_bands(below_1);
}

void Measurement::measure_bands(const Lanes& below_1) {
  const auto share = [&](const Lanes& part, const Lanes& all, auto&& figure) {
    Lanes shares(lanes_);
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      shares[lane] = all[lane] > 0 ? figure(part[lane] / all[lane]) : kNaN;
    }
    return shares;
  };
  below_40_.run(rows_, kernels_);
  add(Fault::bassqi, share(below_1, variance(rows_), [](double x) { return 1 - x; }));
  above_5_.run(rows_, kernels_);
  const Moments from_5 = moments(rows_);
  add(Fault::ksqi, from_5.kurtosis);
  add(Fault::ssqi, from_5.skewness);
  const auto products = inner_products(rows_);
  for (std::size_t i = 0; i < products.size(); ++i) products_[i] += products[i];
  const BeatFeature length = length_feature(rows_, slow_hz_);
  below_15_.run(rows_, kernels_);
  add(Fault::psqi, share(variance(rows_), from_5.variance, [](double x) { return x; }));
  const BeatFeature energy = energy_feature(rows_, slow_hz_);
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    average_.add(lead, Fault::bsqi, agreement(energy, length, lead));
  }
}

QualityFigures Measurement::figures() const {
  QualityFigures out;
  std::vector<double> spikes, ranges;
  for (std::size_t lead = 0; lead < leads_.size(); ++lead) {
    Figures figures = no_figures();
    for (const Fault fault : {Fault::flat, Fault::saturated, Fault::noise, Fault::wander, Fault::mains, Fault::bsqi,
                              Fault::ksqi, Fault::ssqi, Fault::psqi, Fault::bassqi}) {
      figures[index_of(fault)] = average_.of(lead, fault);
    }
    ranges.push_back(average_.of(lead, Fault::too_large));
    if (leads_[lead].own) spikes.push_back(average_.of(lead, Fault::paced));
    out.leads.push_back(figures);
  }
  compare_leads(leads_, products_, lanes_, out);
  out.recording[index_of(Fault::too_small)] = out.recording[index_of(Fault::too_large)] = median(ranges);
  out.recording[index_of(Fault::paced)] = second_highest(spikes);
  return out;
}

}  // namespace

Figures no_figures() {
  Figures figures;
  figures.fill(kNaN);
  return figures;
}

QualityFigures measure_quality(std::span<const MeasuredLead> leads, std::size_t length, double rate_hz) {
  if (leads.empty() || length == 0 || rate_hz < kLowestRate) {
    return {.leads = std::vector<Figures>(leads.size(), no_figures()), .most_alike = {}};
  }
  const FloatEnvironment floats(Denormals::flush);
  Measurement measurement(leads, rate_hz);
  const double seconds = static_cast<double>(length) / rate_hz;
  const auto pieces = std::max<std::size_t>(1, static_cast<std::size_t>(seconds / kPiece + 0.5));
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    measurement.add_piece(piece * length / pieces, (piece + 1) * length / pieces);
  }
  return measurement.figures();
}

}  // namespace ecg2lab
