#include <cstring>

#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_neon.h"

namespace ecg2lab {
namespace {

// The instruction multiplies signed numbers only (unsigned by signed came with i8mm): activations are taken less 128.
struct DotFours {
  using Sum = NeonIntegers;
  struct Weights {
    int8x16_t low, high;
  };

  static Weights load(const std::int8_t* weights) { return {vld1q_s8(weights), vld1q_s8(weights + 16)}; }
  static int8x16_t broadcast(const std::uint8_t* a) {
    std::uint32_t four;
    std::memcpy(&four, a, sizeof four);
    return vreinterpretq_s8_u32(vdupq_n_u32(four ^ 0x80808080u));
  }
  static Sum add_product(Sum sum, int8x16_t a, Weights w) {
    return {vdotq_s32(sum.low, w.low, a), vdotq_s32(sum.high, w.high, a)};
  }
};

}  // namespace

const Product kNeonBytes = make_product<ByteFormat<NeonFloats, DotFours>, 6>(kNeonKernels, Precision::int8, true);

}  // namespace ecg2lab
