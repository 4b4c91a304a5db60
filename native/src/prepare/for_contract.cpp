#include "prepare/for_contract.h"

#include <cmath>
#include <stdexcept>

#include "base/errors.h"
#include "base/number_text.h"

namespace ecg2lab {
namespace {

std::string join(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::size_t whole_samples(double hop_s, double rate_hz) {
  const double samples = hop_s * rate_hz, whole = std::round(samples);
  // Beyond a day the product is no hop any more.
  const bool possible = samples >= 0.5 && hop_s <= 86400 && std::abs(samples - whole) <= 1e-6 * samples;
  if (possible) return static_cast<std::size_t>(whole);
  throw std::invalid_argument("hop_s " + number_text(hop_s) + " is not a whole number of samples at " +
                              number_text(rate_hz) + " Hz, from one sample to a day");
}

void require_leads(const std::vector<std::string>& recorded, const std::vector<std::string>& ignored,
                   const Contract& contract) {
  const std::vector<std::string> missing = missing_leads(recorded, contract.signal.leads);
  if (missing.empty()) return;
  std::vector<std::string> present = recorded;
  present.insert(present.end(), ignored.begin(), ignored.end());
  const std::string named = present.empty() ? "none" : join(present);
  throw Error(ErrorKind::recording, missing.size() > 1
                                        ? say<MessageCode::recording_missing_leads>(join(missing), named)
                                        : say<MessageCode::recording_missing_lead>(join(missing), named));
}

}  // namespace

PrepareOptions prepare_options(const Contract& contract) {
  return {.leads = contract.signal.leads,
          .sampling_rate_hz = contract.signal.sampling_rate_hz,
          .clip_mv = contract.preprocessing.clip_mv,
          .filters = contract.preprocessing.filters(),
          .measure_quality = true};
}

Prepared prepare(const Recording& recording, const Contract& contract, bool measure_quality) {
  require_leads(recording.leads, recording.ignored, contract);
  PrepareOptions options = prepare_options(contract);
  options.measure_quality = measure_quality;
  return prepare(recording.samples.view(), recording.leads, recording.sampling_rate_hz, options);
}

double gap_limit(const StreamOptions& options, const Contract& contract) {
  const double limit = options.longest_gap_s, window_s = contract.signal.window_s();
  if (limit == 0) return window_s;
  if (limit > 0 && limit <= window_s) return limit;
  throw std::invalid_argument("longest_gap_s " + number_text(limit) + " is not between 0 and a window (" +
                              number_text(window_s) + " s)");
}

double backlog_limit(const StreamOptions& options) {
  constexpr double kUsual = 600, kLongest = 86400;
  const double limit = options.longest_backlog_s;
  if (limit == 0) return kUsual;
  if (limit > 0 && limit <= kLongest) return limit;
  throw std::invalid_argument("longest_backlog_s " + number_text(limit) + " is not between 0 and a day (" +
                              number_text(kLongest) + " s)");
}

WindowStream open_windows(const Contract& contract, const std::vector<std::string>& recorded_leads,
                          double recorded_rate_hz, const StreamOptions& options) {
  const std::size_t hop = whole_samples(options.hop_s, contract.signal.sampling_rate_hz);
  // A gap of the limit or longer is lead-off: the longest that is interpolated is one sample shorter.
  const auto longest_gap = static_cast<std::size_t>(std::ceil(gap_limit(options, contract) * recorded_rate_hz)) - 1;
  const auto longest_backlog = static_cast<std::int64_t>(backlog_limit(options) * recorded_rate_hz);
  if (contract.preprocessing.filters().any()) {
    throw Error(ErrorKind::backend,
                "this model filters recordings forwards and backwards, which needs their end: it has no stream");
  }
  require_leads(recorded_leads, {}, contract);
  return WindowStream(recorded_leads, recorded_rate_hz, prepare_options(contract),
                      {contract.signal.window_samples, hop, longest_gap, longest_backlog});
}

}  // namespace ecg2lab
