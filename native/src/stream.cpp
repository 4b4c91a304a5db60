#include "stream.h"

#include <cmath>
#include <stdexcept>

#include "base/number_text.h"

namespace ecg2lab {
namespace {

// std::invalid_argument of the preparation is a refusal of what was recorded.
template <typename Work>
void refusing(Work&& work) {
  try {
    work();
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::recording, std::string("these samples cannot be used: ") + error.what());
  }
}

std::size_t whole_samples(double hop_s, double rate_hz) {
  const double samples = hop_s * rate_hz, whole = std::round(samples);
  // Beyond a day the product is no hop any more.
  const bool possible = samples >= 0.5 && hop_s <= 86400 && std::abs(samples - whole) <= 1e-6 * samples;
  if (possible) return static_cast<std::size_t>(whole);
  throw std::invalid_argument("hop_s " + number_text(hop_s) + " is not a whole number of samples at " +
                              number_text(rate_hz) + " Hz, from one sample to a day");
}

double gap_limit(double longest_gap_s, double window_s) {
  if (longest_gap_s == 0) return window_s;
  if (longest_gap_s > 0 && longest_gap_s <= window_s) return longest_gap_s;
  throw std::invalid_argument("longest_gap_s " + number_text(longest_gap_s) + " is not between 0 and a window (" +
                              number_text(window_s) + " s)");
}

}  // namespace

Stream::Stream(const Model& model, const RecordingFormat& format, const Patient& patient, const StreamOptions& options)
    : model_(model),
      to_millivolt_(format),
      rate_hz_(format.sampling_rate_hz),
      longest_gap_s_(gap_limit(options.longest_gap_s, model.contract().signal.window_s())),
      features_(encode_features(patient, model.contract())),
      windows_(open(to_millivolt_.leads(), rate_hz_, options)) {}

WindowStream Stream::open(const std::vector<std::string>& leads, double rate_hz, const StreamOptions& options) {
  const Signal& signal = model_.contract().signal;
  const std::size_t hop = whole_samples(options.hop_s, signal.sampling_rate_hz);
  if (model_.contract().preprocessing.filters.any()) {
    throw Error(ErrorKind::backend,
                "this model filters recordings forwards and backwards, which needs their end: it has no stream");
  }
  model_.check_leads(leads);
  // A gap of the limit or longer is lead-off: the longest that is interpolated is one sample shorter.
  const auto longest_gap = static_cast<std::size_t>(std::ceil(longest_gap_s_ * rate_hz)) - 1;
  try {
    return WindowStream(leads, rate_hz, model_.prepare_options(), {signal.window_samples, hop, longest_gap});
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::recording, std::string("this recording cannot be used: ") + error.what());
  }
}

void Stream::set_patient(const Patient& patient) { features_ = encode_features(patient, model_.contract()); }

void Stream::push(const RawSamples& samples) {
  if (samples.samples == 0) return;
  const Matrix<double> millivolt = to_millivolt_(samples);
  refusing([&] { windows_.push({millivolt.values.data(), millivolt.rows, millivolt.columns}); });
}

void Stream::finish() {
  refusing([&] { windows_.finish(); });
}

std::optional<Answer> Stream::answer() const {
  if (windows_.due() == 0) return std::nullopt;
  const StreamWindow window = windows_.window();
  return model_.answer_window(window, features_, {window.recorded_samples, rate_hz_, longest_gap_s_});
}

}  // namespace ecg2lab
