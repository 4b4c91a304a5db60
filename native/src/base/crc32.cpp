#include "base/crc32.h"

#include <array>

namespace ecg2lab {
namespace {

constexpr std::size_t kSlices = 8;
using Table = std::array<std::uint32_t, 256>;

// Table s advances a byte that is followed by s zero bytes: eight bytes are folded by eight independent look-ups, where
// one table would make each byte wait for the one before (Kounavis & Berry, "Novel Table Lookup-Based Algorithms for
// High-Performance CRC Generation", IEEE Transactions on Computers 2008).
constexpr std::array<Table, kSlices> make_tables() {
  std::array<Table, kSlices> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0xEDB88320u : 0u);
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}
constexpr auto kTables = make_tables();

std::uint32_t fold_eight(std::uint32_t crc, const std::byte* at) {
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < kSlices; ++i) {
    const std::uint32_t old = i < 4 ? (crc >> (8 * i)) & 0xFF : 0;
    next ^= kTables[kSlices - 1 - i][old ^ std::to_integer<std::uint32_t>(at[i])];
  }
  return next;
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> content) {
  std::uint32_t crc = 0xFFFFFFFFu;
  for (; content.size() >= kSlices; content = content.subspan(kSlices)) crc = fold_eight(crc, content.data());
  for (const std::byte b : content) crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(b)) & 0xFF];
  return ~crc;
}

}  // namespace ecg2lab
