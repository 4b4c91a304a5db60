// Doubles in plain C++: the reference for every other kind, and what runs where none of them does.
#pragma once

#include <cstddef>

namespace ecg2lab {
namespace {

struct PortableDoubles {
  static constexpr std::size_t kWidth = 4;
  double lanes[kWidth];

  template <class Function>
  static PortableDoubles map(Function function) {
    PortableDoubles out;
    for (std::size_t i = 0; i < kWidth; ++i) out.lanes[i] = function(i);
    return out;
  }
  static PortableDoubles broadcast(double x) {
    return map([&](std::size_t) { return x; });
  }
  static PortableDoubles load(const double* from) {
    return map([&](std::size_t i) { return from[i]; });
  }
  void store(double* to) const {
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
  friend PortableDoubles operator+(PortableDoubles a, PortableDoubles b) {
    return map([&](std::size_t i) { return a.lanes[i] + b.lanes[i]; });
  }
  friend PortableDoubles operator*(PortableDoubles a, PortableDoubles b) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i]; });
  }
  // a·b + c
  friend PortableDoubles multiply_add(PortableDoubles a, PortableDoubles b, PortableDoubles c) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i] + c.lanes[i]; });
  }
  // b where a is NaN
  friend PortableDoubles smaller(PortableDoubles a, PortableDoubles b) {
    return map([&](std::size_t i) { return a.lanes[i] < b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
  }
  friend PortableDoubles larger(PortableDoubles a, PortableDoubles b) {
    return map([&](std::size_t i) { return a.lanes[i] > b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
  }
  friend PortableDoubles one_where_less(PortableDoubles a, PortableDoubles b) {
    return map([&](std::size_t i) { return static_cast<double>(a.lanes[i] < b.lanes[i] ? 1 : 0); });
  }
  friend PortableDoubles one_where_nan(PortableDoubles a) {
    return map([&](std::size_t i) { return static_cast<double>(a.lanes[i] != a.lanes[i] ? 1 : 0); });
  }
};

}  // namespace
}  // namespace ecg2lab
