// Eight floats in an AVX register, with fused multiply-add.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace ecg2lab {
namespace {

struct Avx2Floats {
  static constexpr std::size_t kWidth = 8;
  __m256 lanes;

  static Avx2Floats broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static Avx2Floats zero() { return {_mm256_setzero_ps()}; }
  static Avx2Floats load(const float* from) { return {_mm256_loadu_ps(from)}; }
  void store(float* to) const { _mm256_storeu_ps(to, lanes); }
  float sum() const {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
    const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
  }
  float maximum() const {
    const __m128 half = _mm_max_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps(lanes, 1));
    const __m128 quarter = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(quarter, _mm_movehdup_ps(quarter)));
  }

  friend Avx2Floats operator+(Avx2Floats a, Avx2Floats b) { return {_mm256_add_ps(a.lanes, b.lanes)}; }
  friend Avx2Floats operator-(Avx2Floats a, Avx2Floats b) { return {_mm256_sub_ps(a.lanes, b.lanes)}; }
  friend Avx2Floats operator*(Avx2Floats a, Avx2Floats b) { return {_mm256_mul_ps(a.lanes, b.lanes)}; }
  friend Avx2Floats quotient(Avx2Floats a, Avx2Floats b) { return {_mm256_div_ps(a.lanes, b.lanes)}; }
  // a·b + c
  friend Avx2Floats multiply_add(Avx2Floats a, Avx2Floats b, Avx2Floats c) {
    return {_mm256_fmadd_ps(a.lanes, b.lanes, c.lanes)};
  }
  friend Avx2Floats larger(Avx2Floats a, Avx2Floats b) { return {_mm256_max_ps(a.lanes, b.lanes)}; }
  friend Avx2Floats clamp(Avx2Floats x, float low, float high) {
    return {_mm256_min_ps(_mm256_max_ps(x.lanes, _mm256_set1_ps(low)), _mm256_set1_ps(high))};
  }
  friend Avx2Floats nearest_integer(Avx2Floats x) {
    return {_mm256_round_ps(x.lanes, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
  }
  // 2 to a whole number from -126 to 127
  friend Avx2Floats power_of_two(Avx2Floats whole) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole.lanes), _mm256_set1_epi32(127));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))};
  }
  // To the nearest of 0 … 255.
  friend void to_bytes(Avx2Floats x, std::uint8_t* to) {
    const __m256i whole = _mm256_cvtps_epi32(x.lanes);
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
  }
};

}  // namespace
}  // namespace ecg2lab
