// Two doubles in a register of 64-bit Arm.
#pragma once

#include <arm_neon.h>

#include <cstddef>

namespace ecg2lab {
namespace {

struct NeonDoubles {
  static constexpr std::size_t kWidth = 2;
  float64x2_t lanes;

  static NeonDoubles broadcast(double x) { return {vdupq_n_f64(x)}; }
  static NeonDoubles load(const double* from) { return {vld1q_f64(from)}; }
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
  friend NeonDoubles operator+(NeonDoubles a, NeonDoubles b) { return {vaddq_f64(a.lanes, b.lanes)}; }
  friend NeonDoubles operator*(NeonDoubles a, NeonDoubles b) { return {vmulq_f64(a.lanes, b.lanes)}; }
  // a·b + c
  friend NeonDoubles multiply_add(NeonDoubles a, NeonDoubles b, NeonDoubles c) {
    return {vfmaq_f64(c.lanes, a.lanes, b.lanes)};
  }
  // b where a is NaN
  friend NeonDoubles smaller(NeonDoubles a, NeonDoubles b) { return {vminnmq_f64(a.lanes, b.lanes)}; }
  friend NeonDoubles larger(NeonDoubles a, NeonDoubles b) { return {vmaxnmq_f64(a.lanes, b.lanes)}; }
  friend NeonDoubles one_where_less(NeonDoubles a, NeonDoubles b) { return ones(vcltq_f64(a.lanes, b.lanes)); }
  friend NeonDoubles one_where_nan(NeonDoubles a) {
    return {vsubq_f64(vdupq_n_f64(1), ones(vceqq_f64(a.lanes, a.lanes)).lanes)};
  }

 private:
  static NeonDoubles ones(uint64x2_t mask) {
    return {vreinterpretq_f64_u64(vandq_u64(mask, vreinterpretq_u64_f64(vdupq_n_f64(1))))};
  }
};

}  // namespace
}  // namespace ecg2lab
