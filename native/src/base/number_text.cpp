#include "base/number_text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace ecg2lab {

std::string number_text(double value, int digits) {
  if (std::isnan(value)) return "nan";  // of either sign
  std::array<char, 64> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, digits);
  return {text.data(), result.ptr};
}

}  // namespace ecg2lab
