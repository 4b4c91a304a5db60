#include "c/said.h"

namespace ecg2lab::c {
namespace {

constexpr std::size_t kCount = kMessageRules.size(), kLongestName = 16;

// Everything here is made by the compiler: no thread waits for another, whenever it asks.
constexpr auto kNames = [] {
  std::array<std::array<std::array<char, kLongestName>, kMostParameters>, kCount> names{};
  for (std::size_t i = 0; i < kCount; ++i) {
    std::size_t parameter = 0, length = 0;
    bool inside = false;
    for (const char character : kMessageRules[i].pattern) {
      if (character == '}') inside = false, ++parameter, length = 0;
      if (inside) names[i][parameter].at(length++) = character;  // beyond the end it does not compile
      if (character == '{') inside = true;
    }
  }
  return names;
}();

constexpr auto kParameters = [] {
  std::array<std::array<ecg2lab_parameter, kMostParameters>, kCount> parameters{};
  for (std::size_t i = 0; i < kCount; ++i) {
    for (std::size_t j = 0; j < kMostParameters; ++j) parameters[i][j] = {kNames[i][j].data(), ""};
  }
  return parameters;
}();

constexpr auto kParameterLists = [] {
  std::array<std::array<const ecg2lab_parameter*, kMostParameters>, kCount> lists{};
  for (std::size_t i = 0; i < kCount; ++i) {
    for (std::size_t j = 0; j < kMostParameters; ++j) lists[i][j] = &kParameters[i][j];
  }
  return lists;
}();

constexpr auto kMessages = [] {
  std::array<ecg2lab_message, kCount> messages{};
  for (std::size_t i = 0; i < kCount; ++i) {
    const MessageRule& rule = kMessageRules[i];
    messages[i] = {.code = rule.code.data(),
                   .pattern = rule.pattern.data(),
                   .text = rule.pattern.data(),
                   .parameters = kParameterLists[i].data(),
                   .parameter_count = count_parameters(rule.pattern)};
  }
  return messages;
}();

constexpr auto kMessageList = [] {
  std::array<const ecg2lab_message*, kCount> list{};
  for (std::size_t i = 0; i < kCount; ++i) list[i] = &kMessages[i];
  return list;
}();

}  // namespace

const char* parameter_name(MessageCode code, std::size_t index) {
  return kNames[static_cast<std::size_t>(code)][index].data();
}

std::span<const ecg2lab_message* const> all_messages() { return kMessageList; }

const ecg2lab_message* SaidMessages::add(const Message& message) {
  auto& parameters = parameters_.make();
  for (std::size_t i = 0; i < message.values().size(); ++i) {
    const std::string& value = texts_.emplace_back(message.values()[i]);
    parameters.add({.name = parameter_name(message.code(), i), .value = value.c_str()});
  }
  const MessageRule& rule = rule_of(message.code());
  return &messages_.add({.code = rule.code.data(),
                         .pattern = rule.pattern.data(),
                         .text = texts_.emplace_back(message.text()).c_str(),
                         .parameters = parameters.data(),
                         .parameter_count = parameters.size()});
}

}  // namespace ecg2lab::c
