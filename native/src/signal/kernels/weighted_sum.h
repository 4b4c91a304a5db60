// Weighted sums of shifted rows. F: floats, of `simd/floats_*.h`.
#pragma once

#include "table.h"

namespace ecg2lab {
namespace {

// `Vectors` results at once: each weight is loaded once for all of them, and as many independent sums as this hide the
// latency of the addition. What a result is does not depend on where in a vector or block it falls.
template <class F, std::size_t Vectors>
inline void weighted_sum_block(const WeightedSumArguments& arguments, std::size_t first) {
  F sums[Vectors];
  for (F& sum : sums) sum = F::zero();
  const float* const data = arguments.data + first;
  for (const Tap& tap : arguments.taps) {
    const float* from = data + tap.offset;
    const F weight = F::broadcast(tap.weight);
    for (std::size_t v = 0; v < Vectors; ++v) {
      sums[v] = multiply_add(weight, F::load(from + v * F::kWidth), sums[v]);
    }
  }
  for (std::size_t v = 0; v < Vectors; ++v) sums[v].store(arguments.out + first + v * F::kWidth);
}

template <class F>
void weighted_sum(const WeightedSumArguments& arguments) {
  static_assert(kGrain % F::kWidth == 0);
  constexpr std::size_t kMany = 12, kSome = 4;  // 12 sums, a weight and a number: 14 of 16 registers
  std::size_t i = 0;
  for (; i + kMany * F::kWidth <= arguments.length; i += kMany * F::kWidth) weighted_sum_block<F, kMany>(arguments, i);
  for (; i + kSome * F::kWidth <= arguments.length; i += kSome * F::kWidth) weighted_sum_block<F, kSome>(arguments, i);
  for (; i < arguments.length; i += F::kWidth) weighted_sum_block<F, 1>(arguments, i);
}

template <class F>
void subtract(const float* a, const float* b, float* out, std::size_t length) {
  std::size_t i = 0;
  for (; i + F::kWidth <= length; i += F::kWidth) (F::load(a + i) - F::load(b + i)).store(out + i);
  for (; i < length; ++i) out[i] = a[i] - b[i];
}

}  // namespace
}  // namespace ecg2lab
