// The zip archive of a bundle, in its one canonical layout (docs/bundle.md).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ecg2lab {

struct Member {
  std::string_view name;
  std::span<const std::byte> content;
};

// Members in the order in which a bundle has them, as views into `content`. Every byte of the archive is either content
// of a member, whose CRC-32 is right, or the only one that the layout allows there.
// Throws Error of kind `bundle`; `source` is what to call the archive there.
std::vector<Member> unpack(std::span<const std::byte> content, const std::string& source);

}  // namespace ecg2lab
