// The entropy coding of SCP-ECG (EN 1064, sections 2 and 6): codes of up to 32 bits, most significant first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ecg2lab {

// What a prefix of bits means.
struct PrefixCode {
  std::uint32_t prefix;       // its bits, the first as the most significant of `prefix_bits`
  std::uint32_t prefix_bits;  // 1 to 32
  std::uint32_t extra_bits;   // that follow, a signed number that is added to the value
  std::int32_t value;         // the sample; of a code that switches, the table to go on with, counted from 1
  bool switches;
};

using PrefixTable = std::vector<PrefixCode>;

// Decodes `length` values, beginning with the first table; of what is wider, the low 16 bits, as samples have them.
// Throws Error of kind `recording` if the bits end before, or have no meaning.
std::vector<std::int16_t> decode_prefix_codes(std::span<const std::uint8_t> content, std::size_t length,
                                              std::span<const PrefixTable> tables);

}  // namespace ecg2lab
