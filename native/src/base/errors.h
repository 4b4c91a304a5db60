// Everything that the core refuses, by name: the same kinds and sentences as the Python package's `ecg2lab.errors`.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/message.h"

namespace ecg2lab {

enum class ErrorKind {
  bundle,     // not a bundle, damaged, or without what was asked of it
  contract,   // a contract that is malformed
  recording,  // an ECG that cannot be brought to the contract's leads, unit and rate
  patient,    // a value that is implausible, contradictory, missing where needed, or outside the intended population
  quality,    // an ECG that is understood, and not good enough to answer from
  backend,    // a precision or number of threads that cannot be had, or a network that does not fit its contract
};

// As `ecg2lab.errors` calls it.
inline const char* error_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bundle:
      return "BundleError";
    case ErrorKind::contract:
      return "ContractError";
    case ErrorKind::recording:
      return "RecordingError";
    case ErrorKind::patient:
      return "PatientError";
    case ErrorKind::quality:
      return "QualityError";
    case ErrorKind::backend:
      return "BackendError";
  }
  return "Ecg2LabError";
}

// One printable line that says what is wrong, whatever a hostile file calls itself; it never holds what was said of a
// patient.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::vector<Message> messages)
      : std::runtime_error(joined(messages)), kind_(kind), messages_(std::move(messages)) {}
  Error(ErrorKind kind, Message message) : Error(kind, std::vector{std::move(message)}) {}
  Error(ErrorKind kind, const std::string& text) : Error(kind, Message(text)) {}
  Error(ErrorKind kind, const char* text) : Error(kind, Message(text)) {}
  ErrorKind kind() const { return kind_; }
  const std::vector<Message>& messages() const { return messages_; }  // one for each thing that is wrong

 private:
  ErrorKind kind_;
  std::vector<Message> messages_;
};

}  // namespace ecg2lab
