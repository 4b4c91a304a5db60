// Floats in plain C++: the reference for every other kind, and what runs where none of them does.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ecg2lab {
namespace {

template <std::size_t Width>
struct PortableFloats {
  static constexpr std::size_t kWidth = Width;
  float lanes[Width];

  static PortableFloats broadcast(float x) {
    PortableFloats out;
    for (float& lane : out.lanes) lane = x;
    return out;
  }
  static PortableFloats zero() { return broadcast(0); }
  static PortableFloats load(const float* from) {
    PortableFloats out;
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

  float maximum() const {
    float largest = lanes[0];
    for (const float lane : lanes) largest = lane > largest ? lane : largest;
    return largest;
  }

  template <class Function>
  static PortableFloats map(Function function) {
    PortableFloats out;
    for (std::size_t i = 0; i < Width; ++i) out.lanes[i] = function(i);
    return out;
  }
  friend PortableFloats operator+(PortableFloats a, PortableFloats b) {
    return map([&](std::size_t i) { return a.lanes[i] + b.lanes[i]; });
  }
  friend PortableFloats operator-(PortableFloats a, PortableFloats b) {
    return map([&](std::size_t i) { return a.lanes[i] - b.lanes[i]; });
  }
  friend PortableFloats operator*(PortableFloats a, PortableFloats b) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i]; });
  }
  friend PortableFloats quotient(PortableFloats a, PortableFloats b) {
    return map([&](std::size_t i) { return a.lanes[i] / b.lanes[i]; });
  }
  // a·b + c
  friend PortableFloats multiply_add(PortableFloats a, PortableFloats b, PortableFloats c) {
    return map([&](std::size_t i) { return a.lanes[i] * b.lanes[i] + c.lanes[i]; });
  }
  friend PortableFloats larger(PortableFloats a, PortableFloats b) {
    return map([&](std::size_t i) { return a.lanes[i] > b.lanes[i] ? a.lanes[i] : b.lanes[i]; });
  }
  friend PortableFloats clamp(PortableFloats x, float low, float high) {
    return map([&](std::size_t i) { return x.lanes[i] < low ? low : x.lanes[i] > high ? high : x.lanes[i]; });
  }
  friend PortableFloats nearest_integer(PortableFloats x) {
    return map([&](std::size_t i) { return std::nearbyintf(x.lanes[i]); });
  }
  // 2 to a whole number from -126 to 127
  friend PortableFloats power_of_two(PortableFloats whole) {
    return map([&](std::size_t i) {
      return std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<std::int32_t>(whole.lanes[i]) + 127) << 23);
    });
  }
  // To the nearest of 0 … 255.
  friend void to_bytes(PortableFloats x, std::uint8_t* to) {
    const PortableFloats whole = nearest_integer(clamp(x, 0, 255));
    for (std::size_t i = 0; i < Width; ++i) to[i] = static_cast<std::uint8_t>(whole.lanes[i]);
  }
};

// 32-bit integers, of which a product in 8 bits makes its sums.
template <std::size_t Width>
struct PortableIntegers {
  std::int32_t lanes[Width];

  static PortableIntegers load(const std::int32_t* from) {
    PortableIntegers out;
    for (std::size_t i = 0; i < Width; ++i) out.lanes[i] = from[i];
    return out;
  }
  friend PortableFloats<Width> to_float(PortableIntegers x) {
    return PortableFloats<Width>::map([&](std::size_t i) { return static_cast<float>(x.lanes[i]); });
  }
};

template <std::size_t Width>
struct PortablePairs {
  using Vector = PortableFloats<Width>;
  struct Activations {
    float first, second;
  };
  using Weights = const std::uint16_t*;

  static float widen(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }
  static Weights load(const std::uint16_t* weights) { return weights; }
  static Activations broadcast(const std::uint16_t* a) { return {widen(a[0]), widen(a[1])}; }
  static Vector add_product(Vector sum, Activations a, Weights w) {
    return Vector::map(
        [&](std::size_t i) { return sum.lanes[i] + a.first * widen(w[2 * i]) + a.second * widen(w[2 * i + 1]); });
  }
};

template <std::size_t Width>
struct PortableFours {
  using Sum = PortableIntegers<Width>;
  using Activations = const std::uint8_t*;
  using Weights = const std::int8_t*;

  static Weights load(const std::int8_t* weights) { return weights; }
  static Activations broadcast(const std::uint8_t* a) { return a; }
  static Sum add_product(Sum sum, Activations a, Weights w) {
    for (std::size_t i = 0; i < Width; ++i) {
      for (std::size_t g = 0; g < 4; ++g) sum.lanes[i] += a[g] * w[4 * i + g];
    }
    return sum;
  }
};

}  // namespace
}  // namespace ecg2lab
