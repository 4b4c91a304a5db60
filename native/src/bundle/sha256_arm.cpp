// SHA-256 by the instructions that 64-bit Arm has for it (Arm ARM, SHA256H, SHA256H2, SHA256SU0, SHA256SU1).
#include <arm_neon.h>

#include "bundle/sha256_blocks.h"

namespace ecg2lab {

void sha256_blocks_arm(Sha256State& state, const std::byte* blocks, std::size_t count) {
  uint32x4_t abcd = vld1q_u32(state.data()), efgh = vld1q_u32(state.data() + 4);
  for (; count > 0; --count, blocks += kSha256Block) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t w[4];  // of the message schedule, four words each
    for (std::size_t i = 0; i < 4; ++i) {
      const uint8x16_t bytes = vld1q_u8(reinterpret_cast<const std::uint8_t*>(blocks + 16 * i));
      w[i] = vreinterpretq_u32_u8(vrev32q_u8(bytes));
    }
#pragma GCC unroll 16
    for (std::size_t t = 0; t < 16; ++t) {  // four rounds
      const uint32x4_t added = vaddq_u32(w[t % 4], vld1q_u32(&kSha256Round[4 * t]));
      const uint32x4_t first = abcd;
      abcd = vsha256hq_u32(abcd, efgh, added);
      efgh = vsha256h2q_u32(efgh, first, added);
      w[t % 4] = vsha256su1q_u32(vsha256su0q_u32(w[t % 4], w[(t + 1) % 4]), w[(t + 2) % 4], w[(t + 3) % 4]);
    }
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(state.data(), abcd);
  vst1q_u32(state.data() + 4, efgh);
}

}  // namespace ecg2lab
