#include "answer/json_text.h"

#include <array>
#include <charconv>
#include <cmath>

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

}  // namespace

void append_json(std::string& out, std::string_view text) {
  constexpr const char* kHexadecimal = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (const char* escape = short_escape(c)) {
      out += escape;
    } else if (code < 0x20) {
      out.append("\\u00").append(1, kHexadecimal[code >> 4]).append(1, kHexadecimal[code & 15]);
    } else {
      out += c;
    }
  }
  out += '"';
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
