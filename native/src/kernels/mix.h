// The dense product of a layer with all that follows it: bias, GLU, residual.
//
// Glossary: K channels in, rounded up to whole vectors; W channels of a vector; V vector type; a row is one time step.
#pragma once

#include <cstddef>
#include <utility>

#include "functions.h"
#include "table.h"

namespace ecg2lab {
namespace {

// Asks for the cache lines of `count` floats. They may lie beyond the end of what there is: a prefetch never faults.
inline void prefetch(const float* from, std::size_t count) {
#if defined(__GNUC__)
  for (std::size_t i = 0; i < count; i += 64 / sizeof(float)) __builtin_prefetch(from + i);
#else
  (void)from, (void)count;
#endif
}

constexpr std::size_t kDepth = 128;    // channels of one slice: its weights and activations share a first-level cache
constexpr std::size_t kLookAhead = 4;  // blocks

// Blocks of activations of one slice, and the sums of all rows between two slices.
template <class V>
struct Slice {
  std::size_t begin, end, blocks;
  float* sums;  // (rows, 2W)

  bool first() const { return begin == 0; }
  bool last() const { return end == blocks; }
};

// `Rows` rows of one slice. Their sums stay in registers; two vectors of weights and one broadcast activation join
// them, which fills the register file: 6·2 + 3 of 16 with AVX2.
template <class V, std::size_t Rows>
void mix_tile(const MixArguments& m, const Slice<V>& slice, std::size_t row) {
  constexpr std::size_t kWidth = V::kWidth, kPair = 2 * kWidth;
  float* const sums = slice.sums + row * kPair;
  V values[Rows], gates[Rows];
  for (std::size_t r = 0; r < Rows; ++r) {
    const float* const begun = slice.first() ? m.bias : sums + r * kPair;
    values[r] = V::load(begun);
    gates[r] = V::load(begun + kWidth);
  }
  const float* activation = m.activations + slice.begin * m.block_stride + row * kWidth;
  const float* weights = m.weights + slice.begin * kWidth * kPair;
  for (std::size_t block = slice.begin; block < slice.end; ++block) {
    prefetch(activation + kLookAhead * m.block_stride, Rows * kWidth);  // in steps that the hardware does not foresee
    prefetch(weights + kLookAhead * kWidth * kPair, kWidth * kPair);
#pragma GCC unroll 16
    for (std::size_t k = 0; k < kWidth; ++k) {
      const V value = V::load(weights);
      const V gate = V::load(weights + kWidth);
#pragma GCC unroll 16
      for (std::size_t r = 0; r < Rows; ++r) {
        const V a = V::broadcast(activation[r * kWidth + k]);
        values[r] = multiply_add(a, value, values[r]);
        gates[r] = multiply_add(a, gate, gates[r]);
      }
      weights += kPair;
    }
    activation += m.block_stride;
  }
  float* const x = m.residual + row * kWidth;
  for (std::size_t r = 0; r < Rows; ++r) {
    if (slice.last()) {
      (V::load(x + r * kWidth) + gated(values[r], gates[r])).store(x + r * kWidth);
    } else {
      values[r].store(sums + r * kPair);
      gates[r].store(sums + r * kPair + kWidth);
    }
  }
}

// What is left after whole tiles.
template <class V, std::size_t... Rest>
void mix_rest(const MixArguments& m, const Slice<V>& slice, std::size_t row, std::index_sequence<Rest...>) {
  using Tile = void (*)(const MixArguments&, const Slice<V>&, std::size_t);
  constexpr Tile kTiles[] = {mix_tile<V, Rest + 1>...};
  kTiles[m.rows - row - 1](m, slice, row);
}

template <class V, std::size_t Rows>
void mix(const MixArguments& m) {
  constexpr std::size_t kSliceBlocks = kDepth / V::kWidth;
  alignas(64) float sums[kMostMixRows * 2 * V::kWidth];
  for (std::size_t begin = 0; begin < m.blocks; begin += kSliceBlocks) {
    const std::size_t end = begin + kSliceBlocks < m.blocks ? begin + kSliceBlocks : m.blocks;
    const Slice<V> slice{begin, end, m.blocks, sums};
    std::size_t row = 0;
    for (; row + Rows <= m.rows; row += Rows) mix_tile<V, Rows>(m, slice, row);
    if (row < m.rows) mix_rest<V>(m, slice, row, std::make_index_sequence<Rows - 1>());
  }
}

}  // namespace
}  // namespace ecg2lab
