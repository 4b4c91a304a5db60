#include "base/message.h"

#include <algorithm>

#include "base/utf8.h"

namespace ecg2lab {
namespace {

// Calls `plain` with each part of a pattern that is no parameter, `named` with the name of each that is.
template <typename Plain, typename Named>
void split(std::string_view pattern, const Plain& plain, const Named& named) {
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t open = std::min(pattern.find('{', at), pattern.size());
    plain(pattern.substr(at, open - at));
    if (open == pattern.size()) return;
    const std::size_t close = pattern.find('}', open);
    named(pattern.substr(open + 1, close - open - 1));
    at = close + 1;
  }
}

}  // namespace

Message::Message(MessageCode code, std::vector<std::string> values) : code_(code), values_(std::move(values)) {
  for (std::string& value : values_) value = printable(value);
}

std::string Message::text() const {
  std::string text;
  auto value = values_.begin();
  split(
      rule_of(code_).pattern, [&](std::string_view part) { text += part; },
      [&](std::string_view) { text += *value++; });
  return text;
}

std::vector<std::string_view> parameter_names(std::string_view pattern) {
  std::vector<std::string_view> names;
  split(pattern, [](std::string_view) {}, [&](std::string_view name) { names.push_back(name); });
  return names;
}

std::string joined(std::span<const Message> messages) {
  std::string all;
  for (const Message& message : messages) all += (all.empty() ? "" : "; ") + message.text();
  return all;
}

std::vector<std::string> texts(std::span<const Message> messages) {
  std::vector<std::string> all;
  for (const Message& message : messages) all.push_back(message.text());
  return all;
}

}  // namespace ecg2lab
