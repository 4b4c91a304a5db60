// The dense product of a layer with all that follows it: bias, GLU, residual.
//
// Glossary: K channels in, rounded up to whole vectors; W channels of a vector; V vector type; a row is one time step;
// F format of the numbers multiplied: `formats.h` says what it has.
#pragma once

#include <cstddef>
#include <utility>

#include "functions.h"
#include "table.h"

namespace ecg2lab {
namespace {

// Sums stay in registers only in a loop without a counter. Where there are no registers to keep them in, such a loop
// does nothing but take long to compile.
#ifdef ECG2LAB_PORTABLE_KERNELS
constexpr int kUnroll = 1;
#else
constexpr int kUnroll = 16;
#endif

// Asks for the cache lines of `count` numbers. They may lie beyond the end of what there is: a prefetch never faults.
template <class T>
inline void prefetch(const T* from, std::size_t count) {
#if defined(__GNUC__)
  for (std::size_t i = 0; i < count; i += 64 / sizeof(T)) __builtin_prefetch(from + i);
#else
  (void)from, (void)count;
#endif
}

constexpr std::size_t kLookAhead = 3;  // blocks

// Sums of the values and of the gates of some rows.
template <class F, std::size_t Rows>
struct Tile {
  typename F::Sum values[Rows], gates[Rows];
};

// Not in line: what it keeps in registers would push the sums out of them, and they would be stored in every pass of
// the loop that makes them.
template <class F, std::size_t Rows>
#if defined(__GNUC__)
__attribute__((noinline))
#endif
void finish_tile(const MixArguments& m, std::size_t row, const Tile<F, Rows>& sums) {
  using V = typename F::Vector;
  for (std::size_t r = 0; r < Rows; ++r) {
    float* const x = m.residual + (row + r) * V::kWidth;
    const V value = F::finish(sums.values[r], m, row + r, 0), gate = F::finish(sums.gates[r], m, row + r, V::kWidth);
    (V::load(x) + gated(value, gate)).store(x);
  }
}

// `Rows` rows over all channels. Their sums stay in registers; two vectors of weights and one broadcast activation join
// them, which fills the register file: 6·2 + 3 of 16 with AVX2.
template <class F, std::size_t Rows>
void mix_tile(const MixArguments& m, std::size_t row) {
  constexpr std::size_t kWidth = F::Vector::kWidth, kPair = 2 * kWidth;
  typename F::Sum values[Rows], gates[Rows];
#pragma GCC unroll kUnroll
  for (std::size_t r = 0; r < Rows; ++r) {
    values[r] = F::begin(m, 0);
    gates[r] = F::begin(m, kWidth);
  }
  const auto* activation = static_cast<const typename F::Activation*>(m.activations) + row * kWidth;
  const auto* weights = static_cast<const typename F::Weight*>(m.weights);
  for (std::size_t block = 0; block < m.blocks; ++block) {
    prefetch(activation + kLookAhead * m.block_stride, Rows * kWidth);  // in steps that the hardware does not foresee
#pragma GCC unroll kUnroll
    for (std::size_t k = 0; k < kWidth; k += F::kGroup) {
      const auto value = F::load(weights);
      const auto gate = F::load(weights + kWidth * F::kGroup);
#pragma GCC unroll kUnroll
      for (std::size_t r = 0; r < Rows; ++r) {
        const auto a = F::broadcast(activation + r * kWidth + k);
        values[r] = F::add_product(values[r], a, value);
        gates[r] = F::add_product(gates[r], a, gate);
      }
      weights += kPair * F::kGroup;
    }
    activation += m.block_stride;
  }
  Tile<F, Rows> sums;
#pragma GCC unroll kUnroll
  for (std::size_t r = 0; r < Rows; ++r) {
    sums.values[r] = values[r];
    sums.gates[r] = gates[r];
  }
  finish_tile<F, Rows>(m, row, sums);
}

// What is left after whole tiles.
template <class F, std::size_t... Rest>
void mix_rest(const MixArguments& m, std::size_t row, std::index_sequence<Rest...>) {
  using Tile = void (*)(const MixArguments&, std::size_t);
  constexpr Tile kTiles[] = {mix_tile<F, Rest + 1>...};
  kTiles[m.rows - row - 1](m, row);
}

template <class F, std::size_t Rows>
void mix(const MixArguments& m) {
  std::size_t row = 0;
  for (; row + Rows <= m.rows; row += Rows) mix_tile<F, Rows>(m, row);
  if (row < m.rows) mix_rest<F>(m, row, std::make_index_sequence<Rows - 1>());
}

}  // namespace
}  // namespace ecg2lab
