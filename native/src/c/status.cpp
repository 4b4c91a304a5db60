#include "c/status.h"

#include <algorithm>
#include <cstring>

namespace ecg2lab::c {
namespace {

thread_local char last_message[kLongestMessage] = "";
thread_local const Inside* innermost = nullptr;

// Where a text of UTF-8 may be cut: not within a character.
std::size_t cut(const char* text, std::size_t most) {
  const std::size_t length = strnlen(text, most + 1);
  if (length <= most) return length;
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

}  // namespace

ecg2lab_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bundle:
    case ErrorKind::contract:  // of a bundle: no other is read here
      return ECG2LAB_ERROR_BUNDLE;
    case ErrorKind::recording:
      return ECG2LAB_ERROR_RECORDING;
    case ErrorKind::patient:
      return ECG2LAB_ERROR_PATIENT;
    case ErrorKind::quality:
      return ECG2LAB_ERROR_QUALITY;
    case ErrorKind::backend:
      return ECG2LAB_ERROR_BACKEND;
  }
  return ECG2LAB_ERROR_INTERNAL;
}

void clear_message() noexcept { last_message[0] = '\0'; }

ecg2lab_status fail(ecg2lab_status status, const char* message) noexcept {
  const std::size_t length = cut(message, kLongestMessage - 1);
  std::memcpy(last_message, message, length);
  last_message[length] = '\0';
  return status;
}

const char* message() noexcept { return last_message; }

Inside::Inside() noexcept : outer_(innermost) { innermost = this; }
Inside::~Inside() { innermost = outer_; }

Outside::Outside() noexcept : floats_(innermost->floats_.before()) {
  std::memcpy(message_, last_message, sizeof message_);
}
Outside::~Outside() { std::memcpy(last_message, message_, sizeof message_); }

}  // namespace ecg2lab::c
