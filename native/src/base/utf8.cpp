#include "base/utf8.h"

#include <algorithm>
#include <array>

namespace ecg2lab {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The second byte of some characters has a narrower range than 80–BF: else they would be longer than needed,
// surrogates, or beyond U+10FFFF (RFC 3629, section 4).
bool second_byte_fits(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second <= 0x9F;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second <= 0x8F;
    default:
      return true;
  }
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const std::size_t length = first < 0xC2 || first > 0xF4 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (length == 0 || text.size() < length) return 0;
  const std::string_view rest = text.substr(1, length - 1);
  if (!std::all_of(rest.begin(), rest.end(), is_continuation)) return 0;
  return second_byte_fits(first, static_cast<unsigned char>(text[1])) ? length : 0;
}

std::size_t count_characters(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

void append_utf8(std::string& text, char32_t character) {
  const auto continuation = [&](int shift) { text += static_cast<char>(0x80 | (character >> shift & 0x3F)); };
  if (character < 0x80) {
    text += static_cast<char>(character);
  } else if (character < 0x800) {
    text += static_cast<char>(0xC0 | character >> 6);
    continuation(0);
  } else if (character < 0x10000) {
    text += static_cast<char>(0xE0 | character >> 12);
    continuation(6), continuation(0);
  } else {
    text += static_cast<char>(0xF0 | character >> 18);
    continuation(12), continuation(6), continuation(0);
  }
}

char32_t decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return char32_t{static_cast<unsigned char>(text[i])}; };
  const std::size_t length = utf8_length(text);
  char32_t character = length == 1 ? byte(0) : byte(0) & (0xFF >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) character = character << 6 | (byte(i) & 0x3F);
  return character;
}

bool is_printable(char32_t character) {
  struct Range {
    char32_t first, last;
  };
  // Unicode 16: controls (Cc); line and paragraph separators; format characters (Cf) but the two joiners, which scripts
  // and pictures are written with; what is set aside and never assigned.
  constexpr std::array<Range, 14> kHidden{{{0x00, 0x1F},
                                           {0x7F, 0x9F},
                                           {0xAD, 0xAD},
                                           {0x61C, 0x61C},
                                           {0x180E, 0x180E},
                                           {0x200B, 0x200B},
                                           {0x200E, 0x200F},
                                           {0x2028, 0x202E},
                                           {0x2060, 0x206F},
                                           {0xFDD0, 0xFDEF},
                                           {0xFEFF, 0xFEFF},
                                           {0xFFF9, 0xFFFB},
                                           {0x1BCA0, 0x1BCA3},
                                           {0xE0000, 0xE0FFF}}};
  const auto holds = [&](const Range& range) { return range.first <= character && character <= range.last; };
  return (character & 0xFFFE) != 0xFFFE && std::none_of(kHidden.begin(), kHidden.end(), holds);
}

std::string printable(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || !is_printable(decode_utf8(text))) {
      shown += '?';
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return shown;
}

}  // namespace ecg2lab
