// Vectors in plain C++: the reference for every other kind, and what runs where none of them does.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ecg2lab {
namespace {

template <std::size_t Width>
struct PortableVector {
  static constexpr std::size_t kWidth = Width;
  float lanes[Width];

  static PortableVector broadcast(float x) {
    PortableVector out;
    for (float& lane : out.lanes) lane = x;
    return out;
  }
  static PortableVector zero() { return broadcast(0); }
  static PortableVector load(const float* from) {
    PortableVector out;
    for (std::size_t i = 0; i < Width; ++i) out.lanes[i] = from[i];
    return out;
  }
  void store(float* to) const {
    for (std::size_t i = 0; i < Width; ++i) to[i] = lanes[i];
  }
  float sum() const {
    float total = 0;
    for (const float lane : lanes) total += lane;
    return total;
  }

  template <class Function>
  static PortableVector map(Function function) {
    PortableVector out;
    for (std::size_t i = 0; i < Width; ++i) out.lanes[i] = function(i);
    return out;
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
  friend PortableVector operator/(PortableVector a, PortableVector b) {
    return map([&](std::size_t i) { return a.lanes[i] / b.lanes[i]; });
  }
  // a·b + c
  friend PortableVector multiply_add(PortableVector a, PortableVector b, PortableVector c) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i] + c.lanes[i]; });
  }
  friend PortableVector clamp(PortableVector x, float low, float high) {
    return map([&](std::size_t i) { return x.lanes[i] < low ? low : x.lanes[i] > high ? high : x.lanes[i]; });
  }
  friend PortableVector nearest_integer(PortableVector x) {
    return map([&](std::size_t i) { return std::nearbyintf(x.lanes[i]); });
  }
  // 2 to a whole number from -126 to 127
  friend PortableVector power_of_two(PortableVector whole) {
    return map([&](std::size_t i) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<std::int32_t>(whole.lanes[i]) + 127) << 23);
    });
  }
};

}  // namespace
}  // namespace ecg2lab
