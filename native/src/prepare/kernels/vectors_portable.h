// Vectors in plain C++: the reference for every other kind, and what runs where none of them does.
#pragma once

#include <cstddef>

namespace ecg2lab {
namespace {

template <class Number>
struct PortableVector {
  static constexpr std::size_t kWidth = 4;
  Number lanes[kWidth];

  template <class Function>
  static PortableVector map(Function function) {
    PortableVector out;
    for (std::size_t i = 0; i < kWidth; ++i) out.lanes[i] = function(i);
    return out;
  }
  static PortableVector broadcast(Number x) {
    return map([&](std::size_t) { return x; });
  }
  static PortableVector zero() { return broadcast(0); }
  static PortableVector load(const Number* from) {
    return map([&](std::size_t i) { return from[i]; });
  }
  void store(Number* to) const {
    for (std::size_t i = 0; i < kWidth; ++i) to[i] = lanes[i];
  }
  void store_as_float(float* to) const {
    for (std::size_t i = 0; i < kWidth; ++i) to[i] = static_cast<float>(lanes[i]);
  }
  // Four floats from each of four places; the first ones, the second ones … side by side.
  static void transpose_floats(const float* const (&from)[4], float* const (&to)[4]) {
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) to[i][j] = from[j][i];
    }
  }
  friend PortableVector operator+(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return a.lanes[i] + b.lanes[i]; });
  }
  friend PortableVector operator-(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return a.lanes[i] - b.lanes[i]; });
  }
  friend PortableVector operator*(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i]; });
  }
  // a·b + c
  friend PortableVector multiply_add(PortableVector a, PortableVector b, PortableVector c) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i] + c.lanes[i]; });
  }
  // b where a is NaN
  friend PortableVector smaller(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return a.lanes[i] < b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
  }
  friend PortableVector larger(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return a.lanes[i] > b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
  }
  friend PortableVector one_where_less(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return static_cast<Number>(a.lanes[i] < b.lanes[i] ? 1 : 0); });
  }
  friend PortableVector one_where_nan(PortableVector a) {
    return map([&](std::size_t i) { return static_cast<Number>(a.lanes[i] != a.lanes[i] ? 1 : 0); });
  }
};

}  // namespace
}  // namespace ecg2lab
