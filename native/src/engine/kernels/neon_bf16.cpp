#include <cstring>

#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_neon.h"

namespace ecg2lab {
namespace {

struct DotPairs {
  struct Weights {
    bfloat16x8_t low, high;
  };

  static Weights load(const std::uint16_t* weights) {
    return {vreinterpretq_bf16_u16(vld1q_u16(weights)), vreinterpretq_bf16_u16(vld1q_u16(weights + 8))};
  }
  static bfloat16x8_t broadcast(const std::uint16_t* a) {
    std::uint32_t pair;
    std::memcpy(&pair, a, sizeof pair);
    return vreinterpretq_bf16_u32(vdupq_n_u32(pair));
  }
  static NeonFloats add_product(NeonFloats sum, bfloat16x8_t a, Weights w) {
    return {vbfdotq_f32(sum.low, w.low, a), vbfdotq_f32(sum.high, w.high, a)};
  }
};

}  // namespace

const Product kNeonBfloat16 = make_product<Bfloat16Format<NeonFloats, DotPairs>, 6>(kNeonKernels, Precision::bf16);

}  // namespace ecg2lab
