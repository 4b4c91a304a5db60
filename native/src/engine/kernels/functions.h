// GELU and the gate of a GLU, over vectors. V: a vector type of `simd/floats_*.h`.
#pragma once

#include <cstddef>

namespace ecg2lab {
namespace {

// Horner's scheme; the constant term comes first.
template <class V, std::size_t Terms>
inline V polynomial(const float (&coefficients)[Terms], V x) {
  V sum = V::broadcast(coefficients[Terms - 1]);
  for (std::size_t i = Terms - 1; i-- > 0;) sum = multiply_add(sum, x, V::broadcast(coefficients[i]));
  return sum;
}

// x Φ(x), Φ the normal distribution: x/2·(1 + erf(x/√2)). erf(x/√2)/x is a quotient of polynomials in x², fitted for
// the smallest largest error of erf on |x| ≤ 5.2 (1.1e-7); beyond, erf is within 2e-7 of ±1. In float32 the error is at
// most 1.2e-6, and 4e-7 for |x| ≤ 3.
template <class V>
inline V gelu(V x) {
  constexpr float kNumerator[] = {0.797883834598029f, 0.0991879757741277f, 0.011037538915206686f,
                                  0.0006285386663921292f, 1.168147183057676e-05f};
  constexpr float kDenominator[] = {1.0f,
                                    0.29097445746389355f,
                                    0.037340144375584396f,
                                    0.002703780773664822f,
                                    0.00011274308208176956f,
                                    5.019083219534109e-07f};
  const V inside = clamp(x, -5.2f, 5.2f);
  const V square = inside * inside;
  const V erf = quotient(inside * polynomial(kNumerator, square), polynomial(kDenominator, square));
  const V half = V::broadcast(0.5f) * x;
  return multiply_add(half, erf, half);
}

// 2ˣ, for |x| ≤ 126: a power of two times a polynomial on [-½, ½] of the smallest relative error (8e-8).
template <class V>
inline V exp2(V x) {
  constexpr float kPower[] = {1.0000000716558008f,  0.6931469670618529f,   0.2402211971827788f,
                              0.05550713275560889f, 0.009675541636686533f, 0.0013276472176077143f};
  const V inside = clamp(x, -126.0f, 126.0f);
  const V whole = nearest_integer(inside);
  return polynomial(kPower, inside - whole) * power_of_two(whole);
}

// value·sigmoid(z), where gate is -z·log₂e.
template <class V>
inline V gated(V value, V gate) {
  return quotient(value, V::broadcast(1.0f) + exp2(gate));
}

// In place, (L, W).
template <class V>
void gelu_all(float* y, std::size_t samples) {
  for (std::size_t t = 0; t < samples * V::kWidth; t += V::kWidth) gelu(V::load(y + t)).store(y + t);
}

}  // namespace
}  // namespace ecg2lab
