// Messages in the structs of the C interface.
#pragma once

#include <array>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/message.h"
#include "c/list.h"
#include "ecg2lab.h"

namespace ecg2lab::c {

inline constexpr std::size_t kMostParameters = 4;
static_assert([] {
  for (const MessageRule& rule : kMessageRules) {
    if (count_parameters(rule.pattern) > kMostParameters) return false;
  }
  return true;
}());

// The name of a message's parameter, which ends with a zero and is always there.
const char* parameter_name(MessageCode code, std::size_t index);

// Every message that there is, with its pattern as text and empty values.
std::span<const ecg2lab_message* const> all_messages();

// Owns what its structs point to.
class SaidMessages {
 public:
  SaidMessages() = default;
  SaidMessages(const SaidMessages&) = delete;
  SaidMessages& operator=(const SaidMessages&) = delete;

  const ecg2lab_message* add(const Message& message);
  const ecg2lab_message* const* data() const { return messages_.data(); }
  std::size_t size() const { return messages_.size(); }

 private:
  std::deque<std::string> texts_;
  List<List<ecg2lab_parameter>> parameters_;
  List<ecg2lab_message> messages_;
};

}  // namespace ecg2lab::c
