// SHA-256 (FIPS 180-4), by which a manifest knows the members of its bundle.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace ecg2lab {

// 64 lower-case hexadecimal digits; by the CPU's instructions for it where there are some.
std::string sha256(std::span<const std::byte> content);
// Whether there are some.
bool sha256_by_instructions();
// The same in plain C++.
std::string sha256_portable(std::span<const std::byte> content);

}  // namespace ecg2lab
