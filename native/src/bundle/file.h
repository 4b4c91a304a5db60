// Reads a whole file into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace ecg2lab {

constexpr std::uint64_t kLargestBundle = std::uint64_t{1} << 31;  // bytes

// Memory that begins at a multiple of 64 bytes, as the members of a bundle do in their file: numbers can be read in
// place.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t size);
  explicit AlignedBytes(std::span<const std::byte> content);  // a copy

  std::byte* data() { return bytes_.get(); }
  std::span<const std::byte> view() const { return {bytes_.get(), size_}; }

 private:
  struct Release {
    void operator()(std::byte* bytes) const;
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Release> bytes_;
};

// `path` is UTF-8 on Windows, elsewhere any bytes but zero, as the system takes it. The file is read and not mapped:
// what was checked is then what is used, whoever writes to the file meanwhile, and a file cut short under a mapping
// would end the program. Throws Error of kind `bundle` if there is no regular file or it cannot be read.
AlignedBytes read_file(const std::string& path);

}  // namespace ecg2lab
