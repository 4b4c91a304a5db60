// Four floats and two doubles in registers of 64-bit Arm.
#pragma once

#include <arm_neon.h>

#include <cstddef>

namespace ecg2lab {
namespace {

struct Floats4 {
  static constexpr std::size_t kWidth = 4;
  float32x4_t lanes;

  static Floats4 zero() { return {vdupq_n_f32(0)}; }
  static Floats4 broadcast(float x) { return {vdupq_n_f32(x)}; }
  static Floats4 load(const float* from) { return {vld1q_f32(from)}; }
  void store(float* to) const { vst1q_f32(to, lanes); }
  friend Floats4 operator-(Floats4 a, Floats4 b) { return {vsubq_f32(a.lanes, b.lanes)}; }
  // a·b + c
  friend Floats4 multiply_add(Floats4 a, Floats4 b, Floats4 c) { return {vfmaq_f32(c.lanes, a.lanes, b.lanes)}; }
};

struct Doubles2 {
  static constexpr std::size_t kWidth = 2;
  float64x2_t lanes;

  static Doubles2 broadcast(double x) { return {vdupq_n_f64(x)}; }
  static Doubles2 load(const double* from) { return {vld1q_f64(from)}; }
  void store(double* to) const { vst1q_f64(to, lanes); }
  void store_as_float(float* to) const { vst1_f32(to, vcvt_f32_f64(lanes)); }
  // Four floats from each of four places; the first ones, the second ones … side by side.
  static void transpose_floats(const float* const (&from)[4], float* const (&to)[4]) {
    const float32x4x2_t ab = vtrnq_f32(vld1q_f32(from[0]), vld1q_f32(from[1]));
    const float32x4x2_t cd = vtrnq_f32(vld1q_f32(from[2]), vld1q_f32(from[3]));
    vst1q_f32(to[0], vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0])));
    vst1q_f32(to[1], vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1])));
    vst1q_f32(to[2], vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0])));
    vst1q_f32(to[3], vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1])));
  }
  friend Doubles2 operator+(Doubles2 a, Doubles2 b) { return {vaddq_f64(a.lanes, b.lanes)}; }
  friend Doubles2 operator*(Doubles2 a, Doubles2 b) { return {vmulq_f64(a.lanes, b.lanes)}; }
  // a·b + c
  friend Doubles2 multiply_add(Doubles2 a, Doubles2 b, Doubles2 c) { return {vfmaq_f64(c.lanes, a.lanes, b.lanes)}; }
  // b where a is NaN
  friend Doubles2 smaller(Doubles2 a, Doubles2 b) { return {vminnmq_f64(a.lanes, b.lanes)}; }
  friend Doubles2 larger(Doubles2 a, Doubles2 b) { return {vmaxnmq_f64(a.lanes, b.lanes)}; }
  friend Doubles2 one_where_less(Doubles2 a, Doubles2 b) { return ones(vcltq_f64(a.lanes, b.lanes)); }
  friend Doubles2 one_where_nan(Doubles2 a) {
    return {vsubq_f64(vdupq_n_f64(1), ones(vceqq_f64(a.lanes, a.lanes)).lanes)};
  }

 private:
  static Doubles2 ones(uint64x2_t mask) {
    return {vreinterpretq_f64_u64(vandq_u64(mask, vreinterpretq_u64_f64(vdupq_n_f64(1))))};
  }
};

}  // namespace
}  // namespace ecg2lab
