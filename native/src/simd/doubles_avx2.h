// Four doubles in an AVX register, with fused multiply-add.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace ecg2lab {
namespace {

struct Avx2Doubles {
  static constexpr std::size_t kWidth = 4;
  __m256d lanes;

  static Avx2Doubles broadcast(double x) { return {_mm256_set1_pd(x)}; }
  static Avx2Doubles load(const double* from) { return {_mm256_loadu_pd(from)}; }
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
  friend Avx2Doubles operator+(Avx2Doubles a, Avx2Doubles b) { return {_mm256_add_pd(a.lanes, b.lanes)}; }
  friend Avx2Doubles operator*(Avx2Doubles a, Avx2Doubles b) { return {_mm256_mul_pd(a.lanes, b.lanes)}; }
  // a·b + c
  friend Avx2Doubles multiply_add(Avx2Doubles a, Avx2Doubles b, Avx2Doubles c) {
    return {_mm256_fmadd_pd(a.lanes, b.lanes, c.lanes)};
  }
  // b where a is NaN
  friend Avx2Doubles smaller(Avx2Doubles a, Avx2Doubles b) { return {_mm256_min_pd(a.lanes, b.lanes)}; }
  friend Avx2Doubles larger(Avx2Doubles a, Avx2Doubles b) { return {_mm256_max_pd(a.lanes, b.lanes)}; }
  friend Avx2Doubles one_where_less(Avx2Doubles a, Avx2Doubles b) {
    return ones(_mm256_cmp_pd(a.lanes, b.lanes, _CMP_LT_OQ));
  }
  friend Avx2Doubles one_where_nan(Avx2Doubles a) { return ones(_mm256_cmp_pd(a.lanes, a.lanes, _CMP_UNORD_Q)); }

 private:
  static Avx2Doubles ones(__m256d mask) { return {_mm256_and_pd(mask, _mm256_set1_pd(1))}; }
};

}  // namespace
}  // namespace ecg2lab
