#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/utf8.h"

namespace ecg2lab {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The power of ten that follows 'e'; what has no room in 64 bits is as good as without end.
std::int64_t exponent_of(std::string_view number) {
  const std::size_t at = number.find_first_of("eE");
  if (at == std::string_view::npos) return 0;
  std::string_view digits = number.substr(at + 1);
  if (digits.front() == '+') digits.remove_prefix(1);
  std::int64_t exponent = 0;
  const bool fits = std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec == std::errc{};
  constexpr std::int64_t kWithoutEnd = std::int64_t{1} << 40;
  if (!fits) exponent = digits.front() == '-' ? -kWithoutEnd : kWithoutEnd;
  return std::clamp(exponent, -kWithoutEnd, kWithoutEnd);
}

// Of a number that is outside the range of double: whether it is too small, and therefore zero, or too large. Its first
// digit other than 0 stands so many places before the point, or behind it.
bool underflows(std::string_view number) {
  const std::string_view mantissa = number.substr(0, number.find_first_of("eE"));
  const auto point = static_cast<std::int64_t>(std::min(mantissa.find('.'), mantissa.size()));
  const std::size_t first = mantissa.find_first_of("123456789");
  return first == std::string_view::npos || point - static_cast<std::int64_t>(first) + exponent_of(number) < 0;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json json = value(0);
    skip_space();
    if (at_ != text_.size()) refuse("text follows the value");
    return json;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw JsonError(why + " (byte " + std::to_string(at_) + ")");
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\n\r").find(text_[at_]) != std::string_view::npos) ++at_;
  }

  bool take(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Json value(int depth) {
    if (depth > kDeepestJson) refuse("nested too deeply");
    skip_space();
    switch (peek()) {
      case '{':
        return {object(depth)};
      case '[':
        return {array(depth)};
      case '"':
        return {string()};
      case 't':
        return word("true", {true});
      case 'f':
        return word("false", {false});
      case 'n':
        return word("null", {nullptr});
      default:
        return number();
    }
  }

  Json word(std::string_view expected, Json meaning) {
    if (text_.substr(at_, expected.size()) != expected) refuse("not a value");
    at_ += expected.size();
    return meaning;
  }

  Json::Object object(int depth) {
    ++at_;
    Json::Object members;
    if (take('}')) return members;
    do {
      skip_space();
      if (peek() != '"') refuse("the name of a field is expected");
      std::string name = string();
      if (!take(':')) refuse("':' is expected");
      members.push_back({std::move(name), value(depth + 1)});
    } while (take(','));
    if (!take('}')) refuse("',' or '}' is expected");
    refuse_repeated_names(members);
    return members;
  }

  void refuse_repeated_names(const Json::Object& members) const {
    std::vector<std::string_view> names;
    for (const auto& member : members) names.push_back(member.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) refuse("field '" + std::string(*twice) + "' appears twice");
  }

  Json::Array array(int depth) {
    ++at_;
    Json::Array items;
    if (take(']')) return items;
    do {
      items.push_back(value(depth + 1));
    } while (take(','));
    if (!take(']')) refuse("',' or ']' is expected");
    return items;
  }

  std::string string() {
    ++at_;
    std::string out;
    for (;;) {
      if (at_ == text_.size()) refuse("a string is cut short");
      const char c = text_[at_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) refuse("a control character in a string");
      if (c == '\\') {
        append_utf8(out, escape());
        continue;
      }
      const std::size_t length = utf8_length(text_.substr(at_));
      if (length == 0) refuse("not UTF-8");
      out += text_.substr(at_, length);
      at_ += length;
    }
    ++at_;
    return out;
  }

  char32_t escape() {
    ++at_;
    constexpr std::string_view kNames = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char name = peek();
    if (name == 'u') return unicode_escape();
    const std::size_t index = kNames.find(name);
    if (index == std::string_view::npos) refuse("an unknown escape in a string");
    ++at_;
    return static_cast<unsigned char>(kMeanings[index]);
  }

  // Beyond the basic plane a character is two escapes (RFC 8259, section 7); half of such a pair is no character.
  char32_t unicode_escape() {
    const char32_t first = hexadecimal();
    if (first < 0xD800 || first > 0xDFFF) return first;
    const bool paired = first <= 0xDBFF && text_.substr(at_, 2) == "\\u";
    if (paired) ++at_;
    const char32_t second = paired ? hexadecimal() : 0;
    if (second < 0xDC00 || second > 0xDFFF) refuse("half of a surrogate pair");
    return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }

  char32_t hexadecimal() {
    ++at_;
    const std::string_view digits = text_.substr(at_, 4);
    unsigned code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (error != std::errc{} || end != digits.data() + 4) refuse("an incomplete \\u escape");
    at_ += 4;
    return code;
  }

  Json number() {
    const std::size_t start = at_;
    const bool minus = peek() == '-';
    at_ += minus;
    const std::size_t digits = take_digits();
    const bool leading_zero = digits > 1 && text_[start + minus] == '0';
    if (digits == 0 || leading_zero) refuse("not a value");
    bool integer = true;
    if (peek() == '.') {
      ++at_, integer = false;
      if (take_digits() == 0) refuse("a digit is expected");
    }
    if (peek() == 'e' || peek() == 'E') {
      ++at_, integer = false;
      at_ += peek() == '+' || peek() == '-';
      if (take_digits() == 0) refuse("a digit is expected");
    }
    return convert(text_.substr(start, at_ - start), integer);
  }

  std::size_t take_digits() {
    const std::size_t start = at_;
    while (is_digit(peek())) ++at_;
    return at_ - start;
  }

  Json convert(std::string_view number, bool integer) const {
    const char *first = number.data(), *last = first + number.size();
    std::int64_t whole = 0;
    if (integer && std::from_chars(first, last, whole).ec == std::errc{}) return {whole};
    double real = 0;
    if (std::from_chars(first, last, real).ec == std::errc{}) return {real};
    if (!underflows(number)) refuse("a number is out of range");
    return {0.0};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Json parse_json(std::string_view text) {
  if (text.size() > kLongestJson) throw JsonError("longer than any that ecg2lab writes");
  return Parser(text).document();
}

}  // namespace ecg2lab
