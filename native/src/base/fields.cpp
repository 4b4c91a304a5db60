#include "base/fields.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/utf8.h"

namespace ecg2lab {

void Field::refuse(const std::string& why) const { throw FieldError(why + " - at `" + place_ + "`"); }

template <typename T>
const T& Field::as(const char* what) const {
  const T* value = std::get_if<T>(&json_->value);
  if (value == nullptr) refuse(std::string("expected ") + what);
  return *value;
}

bool Field::boolean() const { return as<bool>("true or false"); }

std::int64_t Field::integer(std::int64_t least, std::int64_t most) const {
  const std::int64_t value = as<std::int64_t>("a whole number");
  if (value < least || value > most) {
    refuse("expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

double Field::number() const {
  if (const auto* whole = std::get_if<std::int64_t>(&json_->value)) return static_cast<double>(*whole);
  return as<double>("a number");
}

std::string Field::text(std::size_t shortest, std::size_t longest) const {
  const std::string& value = as<std::string>("text");
  const std::size_t length = count_characters(value);
  if (length < shortest) refuse("expected text of at least " + std::to_string(shortest) + " characters");
  if (length > longest) refuse("expected text of at most " + std::to_string(longest) + " characters");
  require_printable(value);
  return value;
}

// Texts are shown, in terminals among others, beside what a model says of a patient.
void Field::require_printable(std::string_view text) const {
  while (!text.empty()) {
    const char32_t character = decode_utf8(text);
    if (!is_printable(character)) {
      std::array<char, 8> digits;
      const auto end = std::to_chars(digits.begin(), digits.end(), std::uint32_t{character}, 16).ptr;
      std::string code(digits.begin(), end);
      for (char& digit : code) digit = static_cast<char>(std::toupper(digit));
      refuse("expected printable text, not U+" + std::string(code.size() < 4 ? 4 - code.size() : 0, '0') + code);
    }
    text.remove_prefix(utf8_length(text));
  }
}

std::vector<Field> Field::items(std::size_t fewest) const {
  const auto& array = as<Json::Array>("a list");
  if (array.size() < fewest) refuse("expected a list of at least " + std::to_string(fewest));
  std::vector<Field> fields;
  for (std::size_t i = 0; i < array.size(); ++i) fields.emplace_back(array[i], place_ + "[" + std::to_string(i) + "]");
  return fields;
}

std::vector<std::pair<std::string, Field>> Field::members() const {
  std::vector<std::pair<std::string, Field>> fields;
  for (const auto& [name, value] : as<Json::Object>("an object")) {
    require_printable(name);
    fields.emplace_back(name, Field(value, place_ + "." + name));
  }
  return fields;
}

std::size_t Field::word(const std::vector<std::string>& words) const {
  const auto place = std::find(words.begin(), words.end(), text());
  if (place != words.end()) return static_cast<std::size_t>(place - words.begin());
  std::string all;
  for (const std::string& choice : words) all += (all.empty() ? "'" : ", '") + choice + "'";
  refuse("expected one of " + all);
}

Fields::Fields(const Field& object) : object_(object) { object_.as<Json::Object>("an object"); }

std::optional<Field> Fields::find(const std::string& name) {
  known_.insert(name);
  for (const auto& member : std::get<Json::Object>(object_.json_->value)) {
    if (member.name == name) return Field(member.value, object_.place_ + "." + name);
  }
  return std::nullopt;
}

std::optional<Field> Fields::find_value(const std::string& name) {
  auto field = find(name);
  return field && field->is_null() ? std::nullopt : field;
}

Field Fields::required(const std::string& name) {
  auto field = find(name);
  if (!field) object_.refuse("a required field is missing: `" + name + "`");
  return *std::move(field);
}

void Fields::refuse_unknown() const {
  for (const auto& member : std::get<Json::Object>(object_.json_->value)) {
    if (!known_.contains(member.name)) object_.refuse("an unknown field: `" + member.name + "`");
  }
}

}  // namespace ecg2lab
