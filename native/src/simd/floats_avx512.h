// Sixteen floats in an AVX-512 register.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace ecg2lab {
namespace {

struct Avx512Floats {
  static constexpr std::size_t kWidth = 16;
  __m512 lanes;

  static Avx512Floats broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static Avx512Floats zero() { return {_mm512_setzero_ps()}; }
  static Avx512Floats load(const float* from) { return {_mm512_loadu_ps(from)}; }
  void store(float* to) const { _mm512_storeu_ps(to, lanes); }
  float sum() const { return _mm512_reduce_add_ps(lanes); }
  float maximum() const { return _mm512_reduce_max_ps(lanes); }

  friend Avx512Floats operator+(Avx512Floats a, Avx512Floats b) { return {_mm512_add_ps(a.lanes, b.lanes)}; }
  friend Avx512Floats operator-(Avx512Floats a, Avx512Floats b) { return {_mm512_sub_ps(a.lanes, b.lanes)}; }
  friend Avx512Floats operator*(Avx512Floats a, Avx512Floats b) { return {_mm512_mul_ps(a.lanes, b.lanes)}; }
  // a/b to 1.5 units in the last place, for 1/b that is neither denormal nor infinite. A division takes sixteen cycles
  // on Intel's processors; an estimate of 14 bits and one step of Newton's method on it take four.
  friend Avx512Floats quotient(Avx512Floats a, Avx512Floats b) {
    const __m512 estimate = _mm512_rcp14_ps(b.lanes);
    const __m512 error = _mm512_fnmadd_ps(b.lanes, estimate, _mm512_set1_ps(1.0f));
    return {_mm512_mul_ps(a.lanes, _mm512_fmadd_ps(error, estimate, estimate))};
  }
  // a·b + c
  friend Avx512Floats multiply_add(Avx512Floats a, Avx512Floats b, Avx512Floats c) {
    return {_mm512_fmadd_ps(a.lanes, b.lanes, c.lanes)};
  }
  friend Avx512Floats larger(Avx512Floats a, Avx512Floats b) { return {_mm512_max_ps(a.lanes, b.lanes)}; }
  friend Avx512Floats clamp(Avx512Floats x, float low, float high) {
    return {_mm512_min_ps(_mm512_max_ps(x.lanes, _mm512_set1_ps(low)), _mm512_set1_ps(high))};
  }
  friend Avx512Floats nearest_integer(Avx512Floats x) {
    return {_mm512_roundscale_ps(x.lanes, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  // 2 to a whole number from -126 to 127
  friend Avx512Floats power_of_two(Avx512Floats whole) {
    const __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(whole.lanes), _mm512_set1_epi32(127));
    return {_mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23))};
  }
  // To the nearest of 0 … 255.
  friend void to_bytes(Avx512Floats x, std::uint8_t* to) {
    const __m512i whole = _mm512_max_epi32(_mm512_cvtps_epi32(x.lanes), _mm512_setzero_si512());
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtusepi32_epi8(whole));
  }
};

// 32-bit integers, of which a product in 8 bits makes its sums.
struct Avx512Integers {
  __m512i lanes;

  static Avx512Integers load(const std::int32_t* from) { return {_mm512_loadu_si512(from)}; }
  friend Avx512Floats to_float(Avx512Integers x) { return {_mm512_cvtepi32_ps(x.lanes)}; }
};

}  // namespace
}  // namespace ecg2lab
