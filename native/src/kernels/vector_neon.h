// Eight floats in two NEON registers: with one, the products would wait for their operands to be loaded.
#pragma once

#include <arm_neon.h>

#include <cstddef>

namespace ecg2lab {
namespace {

struct NeonVector {
  static constexpr std::size_t kWidth = 8;
  float32x4_t low, high;

  static NeonVector broadcast(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  static NeonVector zero() { return broadcast(0); }
  static NeonVector load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
  void store(float* to) const {
    vst1q_f32(to, low);
    vst1q_f32(to + 4, high);
  }
  float sum() const { return vaddvq_f32(vaddq_f32(low, high)); }

  friend NeonVector operator+(NeonVector a, NeonVector b) {
    return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
  }
  friend NeonVector operator-(NeonVector a, NeonVector b) {
    return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
  }
  friend NeonVector operator*(NeonVector a, NeonVector b) {
    return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
  }
  friend NeonVector operator/(NeonVector a, NeonVector b) {
    return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
  }
  // a·b + c
  friend NeonVector multiply_add(NeonVector a, NeonVector b, NeonVector c) {
    return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
  }
  friend NeonVector clamp(NeonVector x, float low, float high) {
    const float32x4_t least = vdupq_n_f32(low), most = vdupq_n_f32(high);
    return {vminq_f32(vmaxq_f32(x.low, least), most), vminq_f32(vmaxq_f32(x.high, least), most)};
  }
  friend NeonVector nearest_integer(NeonVector x) { return {vrndnq_f32(x.low), vrndnq_f32(x.high)}; }
  // 2 to a whole number from -126 to 127
  friend NeonVector power_of_two(NeonVector whole) { return {power(whole.low), power(whole.high)}; }

 private:
  static float32x4_t power(float32x4_t whole) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(whole), vdupq_n_s32(127)), 23));
  }
};

}  // namespace
}  // namespace ecg2lab
