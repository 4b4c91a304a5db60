#include "stream.h"

#include <stdexcept>

#include "base/byte_record.h"
#include "base/number_text.h"
#include "engine/kernels/instruction_sets.h"

namespace ecg2lab {
namespace {

// Begins every saved state: what it is, and its version.
constexpr std::string_view kStateHeader = "ecg2lab native stream 1\n";

}  // namespace

Stream::Stream(const Model& model, const RecordingFormat& format, const Patient& patient, const StreamOptions& options)
    : model_(model),
      format_(format),
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
    throw Error(ErrorKind::recording, say<MessageCode::stream_backlog>(number_text(longest_backlog_s_)));
  }
  const Millivolts millivolt = to_millivolt_(samples);
  windows_.push(millivolt.view());
}

void Stream::finish() { windows_.finish(); }

// What must be the same in the stream that goes on; its hop and longest gap are the windows' own. Native numbers are
// the same only in the same precision.
std::string Stream::settings() const {
  ByteWriter settings;
  settings.text(model_.digest());
  settings.text(name_of(model_.engine()->precision()));
  settings.number(rate_hz_);
  settings.number(static_cast<std::int64_t>(format_.unit));
  settings.number(static_cast<std::int64_t>(format_.missing_code.value_or(0)));
  settings.number(static_cast<std::int64_t>(format_.missing_code.has_value()));
  for (const auto* numbers : {&format_.gain, &format_.baseline}) {
    settings.number(static_cast<std::int64_t>(numbers->size()));
    for (const double number : *numbers) settings.number(number);
  }
  for (const std::string& lead : to_millivolt_.leads()) settings.text(lead);
  return settings.bytes();
}

std::string Stream::save() const {
  ByteWriter state;
  state.text(settings());
  state.text(windows_.save());
  return std::string(kStateHeader) + sealed(state.bytes());
}

void Stream::restore(std::string_view bytes) {
  if (!bytes.starts_with(kStateHeader)) {
    throw std::invalid_argument("these bytes are no state of a stream that this library saved");
  }
  ByteReader state(unsealed(bytes.substr(kStateHeader.size())));
  if (state.text() != settings()) {
    throw std::invalid_argument("the state belongs to a stream of another model, precision or recording format");
  }
  const std::string_view windows = state.text();
  state.require_end();
  windows_.restore(windows);
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
