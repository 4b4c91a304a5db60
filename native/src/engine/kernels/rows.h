// What acts on time steps: encoder, LayerNorm, mean over time; and the small dense layers.
#pragma once

#include <cmath>
#include <cstddef>

#include "table.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kRowsAtOnce = 4;  // sums in registers, so that a weight is loaded once for four rows

template <class V, std::size_t Rows>
void encode_rows(const EncodeArguments& e, std::size_t row) {
  V sums[Rows];
  for (V& sum : sums) sum = V::load(e.bias);
  for (std::size_t lead = 0; lead < e.leads; ++lead) {
    const V weight = V::load(e.weights + lead * V::kWidth);
    const float* signal = e.signal + lead * e.samples + row;
    for (std::size_t r = 0; r < Rows; ++r) sums[r] = multiply_add(V::broadcast(signal[r]), weight, sums[r]);
  }
  for (std::size_t r = 0; r < Rows; ++r) sums[r].store(e.x + (row + r) * V::kWidth);
}

template <class V>
void encode(const EncodeArguments& e) {
  std::size_t row = 0;
  for (; row + kRowsAtOnce <= e.samples; row += kRowsAtOnce) encode_rows<V, kRowsAtOnce>(e, row);
  for (; row < e.samples; ++row) encode_rows<V, 1>(e, row);
}

// Two passes, the second over deviations from the mean: the square of the mean would swallow a small variance.
template <class V, std::size_t Rows>
void statistics_rows(const StatisticsArguments& s, std::size_t row) {
  const float* const x = s.x + row * V::kWidth;
  const float channels = static_cast<float>(s.channels);
  V sums[Rows], means[Rows];
  for (V& sum : sums) sum = V::zero();
  for (std::size_t block = 0; block < s.blocks; ++block) {
    for (std::size_t r = 0; r < Rows; ++r) sums[r] = sums[r] + V::load(x + block * s.block_stride + r * V::kWidth);
  }
  for (std::size_t r = 0; r < Rows; ++r) {
    s.mean[row + r] = sums[r].sum() / channels;
    means[r] = V::broadcast(s.mean[row + r]);
    sums[r] = V::zero();
  }
  for (std::size_t block = 0; block < s.blocks; ++block) {
    const V mask = block + 1 == s.blocks ? V::load(s.mask) : V::broadcast(1);
    for (std::size_t r = 0; r < Rows; ++r) {
      const V deviation = (V::load(x + block * s.block_stride + r * V::kWidth) - means[r]) * mask;
      sums[r] = multiply_add(deviation, deviation, sums[r]);
    }
  }
  for (std::size_t r = 0; r < Rows; ++r) s.scale[row + r] = 1 / std::sqrt(sums[r].sum() / channels + s.epsilon);
}

template <class V>
void statistics(const StatisticsArguments& s) {
  std::size_t row = 0;
  for (; row + kRowsAtOnce <= s.rows; row += kRowsAtOnce) statistics_rows<V, kRowsAtOnce>(s, row);
  for (; row < s.rows; ++row) statistics_rows<V, 1>(s, row);
}

template <class V>
void normalise(const NormaliseArguments& n) {
  const V weight = V::load(n.weight), bias = V::load(n.bias);
  for (std::size_t t = 0; t < n.samples; ++t) {
    const V centred = V::load(n.x + t * V::kWidth) - V::broadcast(n.mean[t]);
    multiply_add(centred * V::broadcast(n.scale[t]), weight, bias).store(n.x + t * V::kWidth);
  }
}

template <class V>
void pool(const PoolArguments& p) {
  const NormaliseArguments& n = p.norm;
  V sum = V::zero();
  for (std::size_t t = 0; t < n.samples; ++t) {
    const V centred = V::load(n.x + t * V::kWidth) - V::broadcast(n.mean[t]);
    sum = multiply_add(centred, V::broadcast(n.scale[t]), sum);
  }
  const V mean = sum * V::broadcast(1 / static_cast<float>(n.samples));
  multiply_add(mean, V::load(n.weight), V::load(n.bias)).store(p.pooled);
}

template <class V, std::size_t Outputs>
void dense_outputs(const DenseArguments& d, std::size_t output) {
  const float* const weights = d.weights + output * d.inputs;
  V sums[Outputs];
  for (V& sum : sums) sum = V::zero();
  const std::size_t whole = d.inputs / V::kWidth * V::kWidth;
  for (std::size_t i = 0; i < whole; i += V::kWidth) {
    const V x = V::load(d.x + i);
    for (std::size_t o = 0; o < Outputs; ++o) sums[o] = multiply_add(V::load(weights + o * d.inputs + i), x, sums[o]);
  }
  for (std::size_t o = 0; o < Outputs; ++o) {
    float total = sums[o].sum() + d.bias[output + o];
    for (std::size_t i = whole; i < d.inputs; ++i) total += weights[o * d.inputs + i] * d.x[i];
    d.y[output + o] = total;
  }
}

template <class V>
void dense(const DenseArguments& d) {
  std::size_t output = 0;
  for (; output + kRowsAtOnce <= d.outputs; output += kRowsAtOnce) dense_outputs<V, kRowsAtOnce>(d, output);
  for (; output < d.outputs; ++output) dense_outputs<V, 1>(d, output);
}

}  // namespace
}  // namespace ecg2lab
