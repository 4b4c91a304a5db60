// Eight floats in two NEON registers: with one, the products would wait for their operands to be loaded.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace ecg2lab {
namespace {

struct NeonFloats {
  static constexpr std::size_t kWidth = 8;
  float32x4_t low, high;

  static NeonFloats broadcast(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  static NeonFloats zero() { return broadcast(0); }
  static NeonFloats load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
  void store(float* to) const {
    vst1q_f32(to, low);
    vst1q_f32(to + 4, high);
  }
  float sum() const { return vaddvq_f32(vaddq_f32(low, high)); }
  float maximum() const { return vmaxvq_f32(vmaxq_f32(low, high)); }

  friend NeonFloats operator+(NeonFloats a, NeonFloats b) {
    return {vaddq_f32(a.low, b.low), vaddq_f32(a.high, b.high)};
  }
  friend NeonFloats operator-(NeonFloats a, NeonFloats b) {
    return {vsubq_f32(a.low, b.low), vsubq_f32(a.high, b.high)};
  }
  friend NeonFloats operator*(NeonFloats a, NeonFloats b) {
    return {vmulq_f32(a.low, b.low), vmulq_f32(a.high, b.high)};
  }
  friend NeonFloats quotient(NeonFloats a, NeonFloats b) {
    return {vdivq_f32(a.low, b.low), vdivq_f32(a.high, b.high)};
  }
  // a·b + c
  friend NeonFloats multiply_add(NeonFloats a, NeonFloats b, NeonFloats c) {
    return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
  }
  friend NeonFloats larger(NeonFloats a, NeonFloats b) { return {vmaxq_f32(a.low, b.low), vmaxq_f32(a.high, b.high)}; }
  friend NeonFloats clamp(NeonFloats x, float low, float high) {
    const float32x4_t least = vdupq_n_f32(low), most = vdupq_n_f32(high);
    return {vminq_f32(vmaxq_f32(x.low, least), most), vminq_f32(vmaxq_f32(x.high, least), most)};
  }
  friend NeonFloats nearest_integer(NeonFloats x) { return {vrndnq_f32(x.low), vrndnq_f32(x.high)}; }
  // 2 to a whole number from -126 to 127
  friend NeonFloats power_of_two(NeonFloats whole) { return {power(whole.low), power(whole.high)}; }
  // To the nearest of 0 … 255.
  friend void to_bytes(NeonFloats x, std::uint8_t* to) {
    const uint16x4_t low = vqmovn_u32(vcvtnq_u32_f32(x.low)), high = vqmovn_u32(vcvtnq_u32_f32(x.high));
    vst1_u8(to, vqmovn_u16(vcombine_u16(low, high)));
  }

 private:
  static float32x4_t power(float32x4_t whole) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(whole), vdupq_n_s32(127)), 23));
  }
};

// 32-bit integers, of which a product in 8 bits makes its sums.
struct NeonIntegers {
  int32x4_t low, high;

  static NeonIntegers load(const std::int32_t* from) { return {vld1q_s32(from), vld1q_s32(from + 4)}; }
  friend NeonFloats to_float(NeonIntegers x) { return {vcvtq_f32_s32(x.low), vcvtq_f32_s32(x.high)}; }
};

}  // namespace
}  // namespace ecg2lab
