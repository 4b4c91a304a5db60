// Sixteen floats in AVX-512 registers; doubles are those of AVX2, because twelve leads fill three registers of four.
#pragma once

#include "vectors_avx2.h"

namespace ecg2lab {
namespace {

struct Floats16 {
  static constexpr std::size_t kWidth = 16;
  __m512 lanes;

  static Floats16 zero() { return {_mm512_setzero_ps()}; }
  static Floats16 broadcast(float x) { return {_mm512_set1_ps(x)}; }
  static Floats16 load(const float* from) { return {_mm512_loadu_ps(from)}; }
  void store(float* to) const { _mm512_storeu_ps(to, lanes); }
  friend Floats16 operator-(Floats16 a, Floats16 b) { return {_mm512_sub_ps(a.lanes, b.lanes)}; }
  // a·b + c
  friend Floats16 multiply_add(Floats16 a, Floats16 b, Floats16 c) {
    return {_mm512_fmadd_ps(a.lanes, b.lanes, c.lanes)};
  }
};

}  // namespace
}  // namespace ecg2lab
