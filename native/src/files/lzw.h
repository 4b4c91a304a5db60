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

}  // namespace ecg2lab
