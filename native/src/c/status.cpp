#include "c/status.h"

#include <algorithm>
#include <cstring>

#include "c/said.h"

namespace ecg2lab::c {
namespace {

thread_local LastMessages last{};
thread_local const Inside* innermost = nullptr;

// Where a text of UTF-8 may be cut: not within a character.
std::size_t cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text.size();
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return end;
}

void say_line(const char* message) {
  const std::size_t length = cut(message, sizeof last.line - 1);
  std::memcpy(last.line, message, length);
  last.line[length] = '\0';
  last.count = last.parameter_count = last.used = 0;
}

// A copy; what has no room left is cut.
const char* keep(std::string_view text) {
  const std::size_t length = cut(text, sizeof last.text - last.used - 1);
  char* const copy = last.text + last.used;
  std::memcpy(copy, text.data(), length);
  copy[length] = '\0';
  last.used = std::min(last.used + length + 1, sizeof last.text - 1);
  return copy;
}

// Adds one with so many parameters; null: there is no room for it.
ecg2lab_message* add(const char* code, const char* pattern, std::size_t parameters) {
  if (last.count == LastMessages::kMost || last.parameter_count + parameters > LastMessages::kMostParameters) {
    return nullptr;
  }
  ecg2lab_message& message = last.messages[last.count];
  message = {.code = code,
             .pattern = pattern,
             .text = "",
             .parameters = last.parameter_list + last.parameter_count,
             .parameter_count = parameters};
  last.list[last.count++] = &message;
  return &message;
}

void add_parameter(const char* name, std::string_view value) {
  ecg2lab_parameter& parameter = last.parameters[last.parameter_count];
  parameter = {.name = name, .value = keep(value)};
  last.parameter_list[last.parameter_count++] = &parameter;
}

void add_uncoded(const char* text) {
  const MessageRule& rule = rule_of(MessageCode::other);
  if (ecg2lab_message* added = add(rule.code.data(), rule.pattern.data(), 1)) {
    add_parameter(parameter_name(MessageCode::other, 0), text);
    added->text = last.parameter_list[last.parameter_count - 1]->value;
  }
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

void clear_message() noexcept { say_line(""); }

ecg2lab_status fail(ecg2lab_status status, const char* message) noexcept {
  say_line(message);
  add_uncoded(message);
  return status;
}

ecg2lab_status fail(ecg2lab_status status, const char* message, std::span<const Message> parts) noexcept {
  try {
    SaidMessages said;
    for (const Message& part : parts) said.add(part);
    return fail(status, message, std::span(said.data(), said.size()));
  } catch (const std::bad_alloc&) {  // the line says it all
    return fail(status, message);
  }
}

ecg2lab_status fail(ecg2lab_status status, const char* message,
                    std::span<const ecg2lab_message* const> parts) noexcept {
  say_line(message);
  for (const ecg2lab_message* part : parts) {
    ecg2lab_message* const added = add(part->code, part->pattern, part->parameter_count);
    if (added == nullptr) break;
    for (std::size_t i = 0; i < part->parameter_count; ++i) {
      add_parameter(part->parameters[i]->name, part->parameters[i]->value);
    }
    added->text = keep(part->text);
  }
  return status;
}

const char* message() noexcept { return last.line; }

std::span<const ecg2lab_message* const> messages() noexcept { return {last.list, last.count}; }

Inside::Inside() noexcept : outer_(innermost) { innermost = this; }
Inside::~Inside() { innermost = outer_; }

Outside::Outside() noexcept : floats_(innermost->floats_.before()), messages_(last) {}
Outside::~Outside() { last = messages_; }

}  // namespace ecg2lab::c
