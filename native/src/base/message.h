// What is said of a recording, a patient or an answer: a code and parameters for a program that says it in another
// language, and the English text.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ecg2lab {

#define ECG2LAB_UNUSABLE(name, words) ECG2LAB_MESSAGE(recording, name, "this recording cannot be used: " words)
#define ECG2LAB_LEAD_FAULT(name, words)                                                           \
  ECG2LAB_MESSAGE(fault, name, "lead {lead} " words)                                              \
  ECG2LAB_MESSAGE(refusal, name, "lead {leads} " words "; check the electrodes and record again") \
  ECG2LAB_MESSAGE(refusal, name##_leads, "leads {leads} " words "; check the electrodes and record again")
#define ECG2LAB_FACTS_MISSING(name, words)                                                               \
  ECG2LAB_MESSAGE(decision, fact_##name, "no operating point holds with {missing} fact missing, " words) \
  ECG2LAB_MESSAGE(decision, facts_##name, "no operating point holds with {missing} facts missing, " words)

// `kind_name` of each; `other` has no code of its own.
enum class MessageCode {
  other,
#define ECG2LAB_MESSAGE(kind, name, pattern) kind##_##name,
#include "base/messages.inc"
#undef ECG2LAB_MESSAGE
};

struct MessageRule {
  std::string_view code;  // of literals: both end with a zero
  std::string_view pattern;
};

// In the order of `MessageCode`.
inline constexpr std::array kMessageRules = {
    MessageRule{"other", "{text}"},
#define ECG2LAB_MESSAGE(kind, name, pattern) MessageRule{#kind "." #name, pattern},
#include "base/messages.inc"
#undef ECG2LAB_MESSAGE
};
#undef ECG2LAB_UNUSABLE
#undef ECG2LAB_LEAD_FAULT
#undef ECG2LAB_FACTS_MISSING

constexpr const MessageRule& rule_of(MessageCode code) { return kMessageRules[static_cast<std::size_t>(code)]; }

constexpr std::size_t count_parameters(std::string_view pattern) {
  std::size_t count = 0;
  for (const char character : pattern) count += character == '{';
  return count;
}

class Message {
 public:
  // A sentence without a code, printable.
  explicit Message(std::string_view text) : Message(MessageCode::other, {std::string(text)}) {}
  // The values of the parameters in the order of the pattern, which has as many: see `say`.
  Message(MessageCode code, std::vector<std::string> values);

  MessageCode code() const { return code_; }
  const std::vector<std::string>& values() const { return values_; }
  std::string text() const;

 private:
  MessageCode code_;
  std::vector<std::string> values_;  // printable
};

// Names of a pattern's parameters, in its order.
std::vector<std::string_view> parameter_names(std::string_view pattern);

// The message of this code; a value for each parameter.
template <MessageCode code, typename... Values>
Message say(Values&&... values) {
  static_assert(sizeof...(values) == count_parameters(rule_of(code).pattern));
  return Message(code, {std::string(std::forward<Values>(values))...});
}

// All in one line.
std::string joined(std::span<const Message> messages);
std::vector<std::string> texts(std::span<const Message> messages);

}  // namespace ecg2lab
