#include "answer/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace ecg2lab {
namespace {

constexpr int kMostDigitsBeforePoint = 16, kMostZerosBehindPoint = 4;  // beyond, a number has an exponent

const char* short_escape(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return nullptr;
  }
}

void append_unit(std::string& out, char32_t unit) {
  constexpr const char* kHexadecimal = "0123456789abcdef";
  out += "\\u";
  for (const int shift : {12, 8, 4, 0}) out += kHexadecimal[unit >> shift & 15];
}

// The first character, by its number if it is not printable; a question mark for a byte that is no text.
void append_shown(std::string& out, std::string_view& text) {
  if (text[0] >= ' ' && text[0] < 0x7F) {  // nearly all of them
    out += text[0];
    return text.remove_prefix(1);
  }
  const std::size_t length = utf8_length(text);
  const char32_t character = decode_utf8(text);
  if (length == 0) {
    out += '?';
  } else if (is_printable(character)) {
    out += text.substr(0, length);
  } else if (character < 0x10000) {
    append_unit(out, character);
  } else {  // two halves (RFC 8259, section 7)
    append_unit(out, 0xD800 + ((character - 0x10000) >> 10));
    append_unit(out, 0xDC00 + (character & 0x3FF));
  }
  text.remove_prefix(std::max<std::size_t>(length, 1));
}

}  // namespace

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (std::string_view rest = text; !rest.empty();) {
    if (const char* escape = short_escape(rest[0])) {
      out += escape;
      rest.remove_prefix(1);
    } else {
      append_shown(out, rest);
    }
  }
  out += '"';
}

void append_escaped(std::string& out, std::string_view json) {
  while (!json.empty()) append_shown(out, json);
}

void append_json(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text;  // d.ddde±xx
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), std::abs(value), std::chars_format::scientific);
  const std::string_view number(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
  const std::size_t mark = number.find('e');
  int exponent = 0;
  const bool negative = number[mark + 1] == '-';
  std::from_chars(number.data() + mark + 2, number.data() + number.size(), exponent);
  exponent = negative ? -exponent : exponent;
  std::string digits(1, number[0]);
  if (mark > 2) digits += number.substr(2, mark - 2);
  if (std::signbit(value)) out += '-';
  const auto count = static_cast<int>(digits.size());
  const auto behind_point = [&](std::size_t whole) { return std::string_view(digits).substr(whole); };
  if (exponent >= kMostDigitsBeforePoint || exponent < -kMostZerosBehindPoint - 1) {
    out += digits[0];
    if (count > 1) out.append(".").append(behind_point(1));
    out.append("e").append(std::to_string(exponent));
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    if (digits.size() <= whole) digits.resize(whole + 1, '0');  // .0
    out.append(digits, 0, whole).append(".").append(behind_point(whole));
  }
}

}  // namespace ecg2lab
