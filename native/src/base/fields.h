// The fields of a JSON object, each read as one type or refused with the place where it stands.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"

namespace ecg2lab {

class FieldError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// Every call but `is_null` throws FieldError if the value is of another type or out of range. A Field refers to the
// JSON it was made of.
class Field {
 public:
  Field(const Json& json, std::string place) : json_(&json), place_(std::move(place)) {}

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(json_->value); }
  bool boolean() const;
  std::int64_t integer(std::int64_t least, std::int64_t most) const;
  double number() const;  // an integer is one too
  // Lengths count characters, not bytes; every character is printable.
  std::string text(std::size_t shortest = 0, std::size_t longest = std::numeric_limits<std::size_t>::max()) const;
  std::vector<Field> items(std::size_t fewest = 0) const;
  std::vector<std::pair<std::string, Field>> members() const;  // of an object whose names are not known beforehand
  // One of these words, by its position.
  std::size_t word(const std::vector<std::string>& words) const;
  [[noreturn]] void refuse(const std::string& why) const;

 private:
  friend class Fields;
  void require_printable(std::string_view text) const;
  template <typename T>
  const T& as(const char* what) const;

  const Json* json_;
  std::string place_;  // as a JSON path: $.signal.leads[0]
};

// An object of which every field is known.
class Fields {
 public:
  explicit Fields(const Field& object);

  Field required(const std::string& name);
  std::optional<Field> find(const std::string& name);        // none: the field is absent
  std::optional<Field> find_value(const std::string& name);  // none: absent or null
  // After all known fields were asked for: any other is refused.
  void refuse_unknown() const;

 private:
  Field object_;
  std::set<std::string> known_;
};

}  // namespace ecg2lab
