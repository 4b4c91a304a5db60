#include "stream.h"

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

}  // namespace

Stream::Stream(const Model& model, const RecordingFormat& format, const Patient& patient, const StreamOptions& options)
    : model_(model),
      to_millivolt_(format),
      rate_hz_(format.sampling_rate_hz),
      longest_gap_s_(gap_limit(options, model.contract())),
      longest_backlog_s_(backlog_limit(options)),
      windows_(open_windows(model.contract(), to_millivolt_.leads(), rate_hz_, options)),
      patient_(patient),
      features_(model.encode_features(patient)) {
  model.require_engine();
}

void Stream::set_patient(const Patient& patient) {
  features_ = model_.encode_features(patient);
  patient_ = patient;
}

void Stream::push(const RawSamples& samples) {
  if (samples.samples == 0) return;
  if (windows_.full()) {
    throw Error(ErrorKind::recording, "more than " + number_text(longest_backlog_s_) +
                                          " s of signal wait behind an answer that was not taken: take the answers "
                                          "that are due, then push again");
  }
  const Millivolts millivolt = to_millivolt_(samples);
  refusing([&] { windows_.push(millivolt.view()); });
}

void Stream::finish() {
  refusing([&] { windows_.finish(); });
}

std::optional<Answer> Stream::answer() const {
  if (windows_.due() == 0) return std::nullopt;
  const StreamWindow window = windows_.window();
  Answer answer;
  answer.patient = patient_;
  answer.features = features_;
  answer.position = window.position;
  return model_.answer_window(window, to_millivolt_.leads(), longest_gap_s_, std::move(answer));
}

}  // namespace ecg2lab
