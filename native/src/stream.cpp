#include "stream.h"

#include <stdexcept>

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

}  // namespace

Stream::Stream(const Model& model, const RecordingFormat& format, const Patient& patient, const StreamOptions& options)
    : model_(model),
      to_millivolt_(format),
      rate_hz_(format.sampling_rate_hz),
      longest_gap_s_(gap_limit(options, model.contract())),
      features_(model.encode_features(patient)),
      windows_(open_windows(model.contract(), to_millivolt_.leads(), rate_hz_, options)) {}

void Stream::set_patient(const Patient& patient) { features_ = model_.encode_features(patient); }

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
