// Eight floats and four doubles in AVX registers, with fused multiply-add.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace ecg2lab {
namespace {

struct Floats8 {
  static constexpr std::size_t kWidth = 8;
  __m256 lanes;

  static Floats8 zero() { return {_mm256_setzero_ps()}; }
  static Floats8 broadcast(float x) { return {_mm256_set1_ps(x)}; }
  static Floats8 load(const float* from) { return {_mm256_loadu_ps(from)}; }
  void store(float* to) const { _mm256_storeu_ps(to, lanes); }
  friend Floats8 operator-(Floats8 a, Floats8 b) { return {_mm256_sub_ps(a.lanes, b.lanes)}; }
  // a·b + c
  friend Floats8 multiply_add(Floats8 a, Floats8 b, Floats8 c) { return {_mm256_fmadd_ps(a.lanes, b.lanes, c.lanes)}; }
};

struct Doubles4 {
  static constexpr std::size_t kWidth = 4;
  __m256d lanes;

  static Doubles4 broadcast(double x) { return {_mm256_set1_pd(x)}; }
  static Doubles4 load(const double* from) { return {_mm256_loadu_pd(from)}; }
  void store(double* to) const { _mm256_storeu_pd(to, lanes); }
  void store_as_float(float* to) const { _mm_storeu_ps(to, _mm256_cvtpd_ps(lanes)); }
  // Four floats from each of four places; the first ones, the second ones … side by side.
  static void transpose_floats(const float* const (&from)[4], float* const (&to)[4]) {
    __m128 a = _mm_loadu_ps(from[0]), b = _mm_loadu_ps(from[1]), c = _mm_loadu_ps(from[2]), d = _mm_loadu_ps(from[3]);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to[0], a);
    _mm_storeu_ps(to[1], b);
    _mm_storeu_ps(to[2], c);
    _mm_storeu_ps(to[3], d);
  }
  friend Doubles4 operator+(Doubles4 a, Doubles4 b) { return {_mm256_add_pd(a.lanes, b.lanes)}; }
  friend Doubles4 operator*(Doubles4 a, Doubles4 b) { return {_mm256_mul_pd(a.lanes, b.lanes)}; }
  // a·b + c
  friend Doubles4 multiply_add(Doubles4 a, Doubles4 b, Doubles4 c) {
    return {_mm256_fmadd_pd(a.lanes, b.lanes, c.lanes)};
  }
  // b where a is NaN
  friend Doubles4 smaller(Doubles4 a, Doubles4 b) { return {_mm256_min_pd(a.lanes, b.lanes)}; }
  friend Doubles4 larger(Doubles4 a, Doubles4 b) { return {_mm256_max_pd(a.lanes, b.lanes)}; }
  friend Doubles4 one_where_less(Doubles4 a, Doubles4 b) { return ones(_mm256_cmp_pd(a.lanes, b.lanes, _CMP_LT_OQ)); }
  friend Doubles4 one_where_nan(Doubles4 a) { return ones(_mm256_cmp_pd(a.lanes, a.lanes, _CMP_UNORD_Q)); }

 private:
  static Doubles4 ones(__m256d mask) { return {_mm256_and_pd(mask, _mm256_set1_pd(1))}; }
};

}  // namespace
}  // namespace ecg2lab
