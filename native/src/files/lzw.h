// LZW with codes of ten bits, as Philips XML has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ecg2lab {

// Most significant bits first; the code of ten ones ends it and stands for nothing.
// Throws Error of kind `recording` at a code that is not defined, or once there are more than `most` bytes: one code
// may stand for a thousand.
std::vector<std::uint8_t> unpack_lzw(std::span<const std::uint8_t> packed, std::size_t most);

// A lead of which the high bytes of all values are packed first, then the low bytes. The first two values are samples;
// each further one is 64 more than the error of the sample before it, as the two before that foretell it; the error of
// the third sample is `first_error`.
// Throws Error of kind `recording` as `unpack_lzw`, and if there are fewer than `length` samples.
std::vector<std::int16_t> decode_xli(std::span<const std::uint8_t> packed, std::int16_t first_error,
                                     std::size_t length);

}  // namespace ecg2lab
