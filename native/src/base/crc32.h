// The checksum of zip archives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ecg2lab {

// CRC-32 with the reflected polynomial 0xEDB88320 (ISO/IEC 13239), as zip stores it.
std::uint32_t crc32(std::span<const std::byte> content);

}  // namespace ecg2lab
