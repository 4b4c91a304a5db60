// Holds the preprocessing of every instruction set of this machine to the portable one, and a stream to the whole
// recording. It needs no Python, so that it also runs where only a cross compiler reaches.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "distance.h"
#include "prepare/prepare.h"
#include "prepare/prepare_stream.h"
#include "signal/kernels/select.h"
#include "signal/resample.h"
#include "signal/zero_phase.h"

namespace {

using ecg2lab::Matrix;

constexpr double kClip = 5;
constexpr double kRates[] = {100, 128, 250, 257.5, 360, 500, 1000, 2000};
constexpr std::size_t kLeadCounts[] = {1, 3, 12, 19};  // around the widths of vectors
const std::vector<std::string> kLeads = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};

int failures = 0;

// Uniform within a little more than the clip limit.
Matrix<double> random_signal(std::size_t leads, std::size_t samples) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> draw(-1.1 * kClip, 1.1 * kClip);
  Matrix<double> signal(leads, samples);
  for (double& value : signal.values) value = draw(random);
  return signal;
}

// Prints a property, which a test may look for.
void report(const std::string& set, const char* what, double difference, double limit) {
  std::printf("%s %s: %.2g from portable%s\n", set.c_str(), what, difference, difference <= limit ? "" : ", too far");
  if (!(difference <= limit)) ++failures;
}

std::vector<float> resample(const Matrix<double>& signal, double rate, const std::string& set) {
  const ecg2lab::Resampler resampler(rate, 100, set);
  std::vector<const double*> leads;
  for (std::size_t lead = 0; lead < signal.rows; ++lead) leads.push_back(signal.row(lead).data());
  const std::size_t length = resampler.output_length(signal.columns);
  std::vector<float> out(signal.rows * length);
  resampler.run({leads, 0, signal.columns}, kClip, {out.data(), length, 0, length});
  return out;
}

// Each is within 1e-6 of the clip limit from the exact sums.
void check_resampling(const std::string& set) {
  double worst = 0;
  for (const double rate : kRates) {
    for (const std::size_t leads : kLeadCounts) {
      const auto signal = random_signal(leads, 1531);
      worst = std::fmax(worst, distance(resample(signal, rate, set), resample(signal, rate, "portable")));
    }
  }
  report(set, "resampling", worst, 2e-6 * kClip);
}

std::vector<double> filter(Matrix<double> signal, const std::string& set) {
  const auto sections = ecg2lab::design(ecg2lab::BandPass{.low_hz = 0.5, .high_hz = 40, .order = 3}, 500);
  std::vector<double*> leads;
  for (std::size_t lead = 0; lead < signal.rows; ++lead) leads.push_back(signal.row(lead).data());
  ecg2lab::filter_zero_phase(leads, signal.columns, sections, ecg2lab::select_signal_kernels(set));
  return signal.values;
}

// In float64; a fused multiplication rounds once less.
void check_filters(const std::string& set) {
  double worst = 0;
  for (const std::size_t leads : kLeadCounts) {
    const auto signal = random_signal(leads, 1531);
    worst = std::fmax(worst, distance(filter(signal, set), filter(signal, "portable")));
  }
  report(set, "filters", worst, 1e-10);
}

// Comparisons and counts: no tolerance.
void check_survey(const std::string& set) {
  const auto& kernels = ecg2lab::select_signal_kernels(set);
  const auto& portable = ecg2lab::select_signal_kernels("portable");
  auto signal = random_signal(1, 100);
  for (std::size_t i = 0; i < 100; i += 7) signal.values[i] = std::numeric_limits<double>::quiet_NaN();
  double worst = 0;
  for (std::size_t first = 0; first < 8; ++first) {
    for (std::size_t length = 1; first + length <= 100; ++length) {
      const auto survey = kernels.survey(signal.values.data() + first, length, kClip);
      const auto expected = portable.survey(signal.values.data() + first, length, kClip);
      const bool same = survey.lowest == expected.lowest && survey.highest == expected.highest &&
                        survey.missing == expected.missing && survey.beyond == expected.beyond;
      if (!same) worst = HUGE_VAL;
    }
  }
  report(set, "survey", worst, 0);
}

// Some samples are missing, in gaps that a stream with a limit of 20 closes.
Matrix<double> recording_with_gaps(std::size_t samples) {
  auto signal = random_signal(kLeads.size(), samples);
  for (std::size_t lead = 0; lead < signal.rows; ++lead) {
    for (std::size_t t = 40 + 3 * lead; t + 20 < samples; t += 211) {
      for (std::size_t i = 0; i <= lead; ++i) signal.row(lead)[t + i] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  return signal;
}

void append(std::vector<std::vector<float>>& leads, const Matrix<float>& more) {
  for (std::size_t lead = 0; lead < more.rows; ++lead) {
    leads[lead].insert(leads[lead].end(), more.row(lead).begin(), more.row(lead).end());
  }
}

// In chunks, and each chunk into another stream that begins with the state of the one before.
std::vector<std::vector<float>> streamed(const Matrix<double>& signal, double rate,
                                         const ecg2lab::PrepareOptions& options, std::size_t chunk) {
  std::vector<std::vector<float>> out(options.leads.size());
  std::string state;
  for (std::size_t at = 0;; at += chunk) {
    ecg2lab::PrepareStream stream(kLeads, rate, options, 20);
    if (at > 0) stream.restore(state);
    const std::size_t count = at < signal.columns ? std::min(chunk, signal.columns - at) : 0;
    if (count == 0) {
      append(out, stream.finish());
      return out;
    }
    Matrix<double> part(signal.rows, count);
    for (std::size_t lead = 0; lead < signal.rows; ++lead) {
      std::memcpy(part.row(lead).data(), signal.row(lead).data() + at, count * sizeof(double));
    }
    append(out, stream.push({part.values.data(), part.rows, part.columns}));
    state = stream.save();
  }
}

// To the last bit.
void check_stream() {
  const ecg2lab::PrepareOptions options{.leads = kLeads, .sampling_rate_hz = 100, .clip_mv = kClip};
  for (const double rate : {100.0, 257.5, 500.0}) {
    const auto signal = recording_with_gaps(2003);
    const auto whole = ecg2lab::prepare({signal.values.data(), signal.rows, signal.columns}, kLeads, rate, options);
    for (const std::size_t chunk : {17, 509, 4000}) {
      const auto parts = streamed(signal, rate, options, chunk);
      bool same = true;
      for (std::size_t lead = 0; lead < kLeads.size(); ++lead) {
        const auto row = whole.signal.row(lead);
        same = same && parts[lead].size() == row.size() &&
               std::memcmp(parts[lead].data(), row.data(), row.size() * sizeof(float)) == 0;
      }
      std::printf("stream at %g Hz in chunks of %zu: %s\n", rate, chunk, same ? "the recording" : "another signal");
      if (!same) ++failures;
    }
  }
}

}  // namespace

int main() {
  try {
    for (const std::string& set : ecg2lab::signal_instruction_sets()) {
      check_resampling(set);
      check_filters(set);
      check_survey(set);
    }
    check_stream();
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}
