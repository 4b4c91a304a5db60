// Activations in bfloat16 and in 8 bits.
#pragma once

#include <bit>
#include <cstdint>

#include "table.h"

namespace ecg2lab {
namespace {

// GELU is never below -0.16997 (at -0.75179), so that what is shifted by this is not negative.
constexpr float kActivationOffset = 0.17f;

inline std::uint16_t to_bfloat16(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

template <class V>
void round_to_bfloat16(const RoundArguments& r) {
  for (std::size_t i = 0; i < r.count; ++i) r.to[i] = to_bfloat16(r.from[i]);
}

template <class V>
void quantise(const QuantiseArguments& q) {
  const V offset = V::broadcast(kActivationOffset);
  for (std::size_t row = 0; row < q.rows; ++row) {
    const float* const from = q.from + row * V::kWidth;
    V largest = V::zero();
    for (std::size_t block = 0; block + 1 < q.blocks; ++block) {
      largest = larger(largest, V::load(from + block * q.block_stride) + offset);
    }
    const V last = V::load(from + (q.blocks - 1) * q.block_stride) + offset;
    largest = larger(largest, last * V::load(q.mask));  // channels that do not exist are 0, and not the largest
    q.row_scale[row] = largest.maximum() * (1.0f / 255);
    const V inverse = quotient(V::broadcast(1), V::broadcast(q.row_scale[row]));
    for (std::size_t block = 0; block < q.blocks; ++block) {
      const std::size_t at = block * q.block_stride;
      to_bytes((V::load(from + at) + offset) * inverse, q.to + at + row * V::kWidth);
    }
  }
}

}  // namespace
}  // namespace ecg2lab
