// The chunked recurrence of one block of channels; `scan.h` has the equations.
//
// Glossary: T samples of a chunk, R states, D directions.
#pragma once

#include <cstddef>

#include "functions.h"
#include "table.h"

namespace ecg2lab {
namespace {

// y ← Σ_s K[i-s] u[jT+s], inside each chunk.
template <class V>
void inside_chunks(const ChunkedArguments& c) {
  for (std::size_t i = 0; i < c.samples; ++i) {
    const std::size_t begin = i / c.chunk * c.chunk;
    const std::size_t end = begin + c.chunk < c.samples ? begin + c.chunk : c.samples;
    V sum = V::zero();
    for (std::size_t s = begin; s < end; ++s) {
      const V tap = V::load(c.taps + (c.chunk - 1 + i - s) * V::kWidth);
      sum = multiply_add(tap, V::load(c.u + s * V::kWidth), sum);
    }
    sum.store(c.y + i * V::kWidth);
  }
}

// Direction 0 carries the state from the chunks before, direction 1 from the chunks after.
template <class V>
class Carry {
 public:
  Carry(const ChunkedArguments& c, std::size_t direction)
      : c_(c), direction_(direction), state_(c.state), change_(c.state + c.states * V::kWidth) {
    for (std::size_t k = 0; k < 2 * c.states; ++k) V::zero().store(c.state + k * V::kWidth);
  }

  void run() {
    const std::size_t chunks = (c_.samples + c_.chunk - 1) / c_.chunk;
    for (std::size_t step = 0; step < chunks; ++step) {
      const std::size_t begin = (direction_ == 0 ? step : chunks - 1 - step) * c_.chunk;
      const std::size_t end = begin + c_.chunk < c_.samples ? begin + c_.chunk : c_.samples;
      observe(begin, end);
      age();
      enter(begin, end);
      add_up();
    }
  }

 private:
  // How many samples lie between sample i of a chunk and the border where its state comes from, or goes to.
  std::size_t from_source(std::size_t i) const { return direction_ == 0 ? i : c_.chunk - 1 - i; }
  std::size_t to_border(std::size_t i) const { return c_.chunk - 1 - from_source(i); }
  const float* row(const float* packed, std::size_t index) const {
    return packed + (direction_ * c_.chunk + index) * c_.states * V::kWidth;
  }

  void observe(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const float* seen = row(c_.observe, from_source(i - begin));
      V sum = V::load(c_.y + i * V::kWidth);
      for (std::size_t k = 0; k < c_.states * V::kWidth; k += V::kWidth) {
        sum = multiply_add(V::load(seen + k), V::load(state_ + k), sum);
      }
      sum.store(c_.y + i * V::kWidth);
    }
  }

  // change ← change + (Āᵀ - 1)·state; it begins with what the last addition lost.
  void age() {
    const float* matrix = c_.change + direction_ * c_.states * c_.states * V::kWidth;
    for (std::size_t k = 0; k < c_.states; ++k) {
      V sum = V::load(change_ + k * V::kWidth);
      for (std::size_t j = 0; j < c_.states; ++j, matrix += V::kWidth) {
        sum = multiply_add(V::load(matrix), V::load(state_ + j * V::kWidth), sum);
      }
      sum.store(change_ + k * V::kWidth);
    }
  }

  void enter(std::size_t begin, std::size_t end) {
    for (std::size_t k = 0; k < c_.states * V::kWidth; k += V::kWidth) {
      V sum = V::load(change_ + k);
      for (std::size_t i = begin; i < end; ++i) {
        const float* weights = row(c_.enter, to_border(i - begin));
        sum = multiply_add(V::load(weights + k), V::load(c_.u + i * V::kWidth), sum);
      }
      sum.store(change_ + k);
    }
  }

  // state ← state + change; change becomes what rounding took from it (Kahan, CACM 1965).
  void add_up() {
    for (std::size_t k = 0; k < c_.states * V::kWidth; k += V::kWidth) {
      const V state = V::load(state_ + k), change = V::load(change_ + k);
      const V total = state + change;
      (change - (total - state)).store(change_ + k);
      total.store(state_ + k);
    }
  }

  const ChunkedArguments& c_;
  std::size_t direction_;
  float *state_, *change_;  // (R, W)
};

template <class V>
void chunked(const ChunkedArguments& c) {
  inside_chunks<V>(c);
  for (std::size_t direction = 0; direction < c.directions; ++direction) Carry<V>(c, direction).run();
  if (c.activate) gelu_all<V>(c.y, c.samples);
}

}  // namespace
}  // namespace ecg2lab
