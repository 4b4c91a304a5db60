// SHA-256 by the instructions that x86 has for it (Intel SDM vol. 2, SHA256RNDS2, SHA256MSG1, SHA256MSG2).
#include <immintrin.h>

#include "bundle/sha256_blocks.h"

namespace ecg2lab {
namespace {

__m128i load(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }

int word(std::uint32_t value) { return static_cast<int>(value); }

}  // namespace

void sha256_blocks_x86(Sha256State& state, const std::byte* blocks, std::size_t count) {
  const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
  const auto& [a, b, c, d, e, f, g, h] = state;
  __m128i abef = _mm_set_epi32(word(a), word(b), word(e), word(f));
  __m128i cdgh = _mm_set_epi32(word(c), word(d), word(g), word(h));
  for (; count > 0; --count, blocks += kSha256Block) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];  // of the message schedule, four words each
    for (int i = 0; i < 4; ++i) w[i] = _mm_shuffle_epi8(load(blocks + 16 * i), big_endian);
#pragma GCC unroll 16
    for (int t = 0; t < 16; ++t) {  // four rounds
      __m128i& now = w[t % 4];
      const __m128i added = _mm_add_epi32(now, load(&kSha256Round[4 * static_cast<std::size_t>(t)]));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, added);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(added, 0x0E));
      const __m128i &third = w[(t + 2) % 4], &last = w[(t + 3) % 4];
      const __m128i begun = _mm_sha256msg1_epu32(now, w[(t + 1) % 4]);
      now = _mm_sha256msg2_epu32(_mm_add_epi32(begun, _mm_alignr_epi8(last, third, 4)), last);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  alignas(16) std::uint32_t first[4], second[4];
  _mm_store_si128(reinterpret_cast<__m128i*>(first), abef);
  _mm_store_si128(reinterpret_cast<__m128i*>(second), cdgh);
  state = {first[3], first[2], second[3], second[2], first[1], first[0], second[1], second[0]};
}

}  // namespace ecg2lab
