// Answers from a signal that is still coming in: one for each window, every hop.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model.h"
#include "prepare/for_contract.h"
#include "prepare/window_stream.h"

namespace ecg2lab {

// One per patient; one thread at a time. The model must outlive it.
class Stream {
 public:
  // Throws Error of kind `recording` or `patient` as Model::predict refuses, `backend` if the model filters or
  // has no engine, and std::invalid_argument on options that cannot be meant.
  Stream(const Model& model, const RecordingFormat& format, const Patient& patient, const StreamOptions& options);

  // For the windows that come; throws Error of kind `patient`, and keeps the former then.
  void set_patient(const Patient& patient);
  // Samples that follow those before. Throws Error of kind `recording` if one is infinite, the signal has ended or the
  // backlog is full; nothing was taken then. After std::bad_alloc only `reset` helps.
  void push(const RawSamples& samples);
  // The signal ends here.
  void finish();
  // As new, with the same patient.
  void reset() { windows_.reset(); }

  // Of the window that is due; none: more samples are needed. A refusal is an answer. Throws as Model::predict does.
  std::optional<Answer> answer() const;
  // To the next window.
  void advance() { windows_.advance(); }

  // Signal that matters still, and where it stands; no facts about the patient.
  std::string save() const;
  // To where `state` was saved, with the facts that this stream has. Throws std::invalid_argument if these bytes are
  // not a state, are damaged, or are of another model, format or options; nothing has changed then.
  void restore(std::string_view state);

  const WindowStream& windows() const { return windows_; }

 private:
  std::string settings() const;

  const Model& model_;
  const RecordingFormat format_;
  ToMillivolt to_millivolt_;
  double rate_hz_;
  double longest_gap_s_;
  double longest_backlog_s_;
  WindowStream windows_;
  Patient patient_;
  Features features_;
};

}  // namespace ecg2lab
