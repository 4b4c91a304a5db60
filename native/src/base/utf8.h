// Text in UTF-8 (RFC 3629): shortest form, no surrogates, up to U+10FFFF.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ecg2lab {

// Bytes of the first character; 0 if there is none or it is malformed.
std::size_t utf8_length(std::string_view text);

// How many characters (Unicode code points) well-formed text has.
std::size_t count_characters(std::string_view text);

void append_utf8(std::string& text, char32_t character);

// The first character of text, whose length is that of `utf8_length`.
char32_t decode_utf8(std::string_view text);

// Whether a character shows as itself and moves nothing else: none that controls a terminal, breaks a line, turns the
// direction of what follows, is invisible, or is no character at all.
bool is_printable(char32_t character);

// The same text with '?' for what is malformed or not printable.
std::string printable(std::string_view text);

}  // namespace ecg2lab
