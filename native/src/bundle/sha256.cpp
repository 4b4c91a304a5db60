// Names are those of FIPS 180-4: state a … h, message schedule w, round constants k.
#include "bundle/sha256.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/cpu.h"
#include "bundle/sha256_blocks.h"

namespace ecg2lab {
namespace {

// Square roots of the first eight primes, likewise (section 5.3.3).
constexpr Sha256State kInitial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                               0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

std::uint32_t big_endian(const std::byte* at) {
  std::uint32_t word = 0;
  for (int i = 0; i < 4; ++i) word = word << 8 | std::to_integer<std::uint32_t>(at[i]);
  return word;
}

// One round (section 6.2.2, step 3). Instead of moving all eight variables along, the caller names them in turn.
inline void round(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d, std::uint32_t e, std::uint32_t f,
                  std::uint32_t g, std::uint32_t& h, std::uint32_t k_plus_w) {
  const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
  const std::uint32_t choice = g ^ (e & (f ^ g));
  const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
  const std::uint32_t majority = (a & b) | (c & (a | b));
  const std::uint32_t t1 = h + sum1 + choice + k_plus_w;
  d += t1;
  h = t1 + sum0 + majority;
}

void compress(Sha256State& state, const std::byte* block) {
  std::array<std::uint32_t, 64> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = big_endian(block + 4 * t);
  for (std::size_t t = 16; t < 64; ++t) {
    const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
    const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
    w[t] = w[t - 16] + s0 + w[t - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; t += 8) {
    const std::uint32_t* k = kSha256Round.data() + t;
    const std::uint32_t* x = w.data() + t;
    round(a, b, c, d, e, f, g, h, k[0] + x[0]);
    round(h, a, b, c, d, e, f, g, k[1] + x[1]);
    round(g, h, a, b, c, d, e, f, k[2] + x[2]);
    round(f, g, h, a, b, c, d, e, k[3] + x[3]);
    round(e, f, g, h, a, b, c, d, k[4] + x[4]);
    round(d, e, f, g, h, a, b, c, k[5] + x[5]);
    round(c, d, e, f, g, h, a, b, k[6] + x[6]);
    round(b, c, d, e, f, g, h, a, k[7] + x[7]);
  }
  const Sha256State added{a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += added[i];
}

std::string hexadecimal(const Sha256State& state) {
  std::string digits;
  for (const std::uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 0xF];
  }
  return digits;
}

Sha256Blocks select_blocks() {
#if defined(ECG2LAB_X86_KERNELS)
  if (cpu_has({"sha", "sse4.1"})) return sha256_blocks_x86;
#elif defined(ECG2LAB_NEON_KERNELS)
  if (cpu_has({"sha2"})) return sha256_blocks_arm;
#endif
  return sha256_blocks_portable;
}

std::string digest(std::span<const std::byte> content, Sha256Blocks take_blocks) {
  Sha256State state = kInitial;
  const std::uint64_t bits = std::uint64_t{content.size()} * 8;
  const std::size_t whole = content.size() / kSha256Block;
  take_blocks(state, content.data(), whole);
  content = content.subspan(whole * kSha256Block);

  // What remains, a one bit, zeros, and the length in bits: one block, or two where the length has no room.
  std::array<std::byte, 2 * kSha256Block> last{};
  std::copy(content.begin(), content.end(), last.begin());
  last[content.size()] = std::byte{0x80};
  const std::size_t end = content.size() + 9 <= kSha256Block ? kSha256Block : 2 * kSha256Block;
  for (std::size_t i = 0; i < 8; ++i) last[end - 1 - i] = static_cast<std::byte>(bits >> (8 * i));
  take_blocks(state, last.data(), end / kSha256Block);
  return hexadecimal(state);
}

}  // namespace

void sha256_blocks_portable(Sha256State& state, const std::byte* blocks, std::size_t count) {
  for (; count > 0; --count, blocks += kSha256Block) compress(state, blocks);
}

std::string sha256(std::span<const std::byte> content) {
  static const Sha256Blocks take_blocks = select_blocks();
  return digest(content, take_blocks);
}

bool sha256_by_instructions() { return select_blocks() != sha256_blocks_portable; }

std::string sha256_portable(std::span<const std::byte> content) { return digest(content, sha256_blocks_portable); }

}  // namespace ecg2lab
