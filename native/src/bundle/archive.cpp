// Field names and sizes are those of APPNOTE.TXT, the specification of zip (PKWARE). All numbers are little-endian.
//
// Three passes: where the directory lies; what it lists, so that a foreign archive is refused by what it is; then every
// header as it must be, given name, size and CRC-32 of each member, compared with what is there.
#include "bundle/archive.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/crc32.h"
#include "base/errors.h"

namespace ecg2lab {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kAlignment = 64, kLocalHeader = 30, kDirectoryHeader = 46, kEndRecord = 22, kPaddingHeader = 6;
constexpr std::uint16_t kPaddingField = 0xD935, kVersion = 10, kDosDate = 0x0021;  // 1980-01-01

struct KnownMember {
  std::string_view name;
  bool required;
};
constexpr std::array<KnownMember, 8> kMembers{{{"manifest.json", true},
                                               {"weights.safetensors", false},
                                               {"window.onnx", true},
                                               {"step.onnx", false},
                                               {"golden.safetensors", true},
                                               {"parity.json", true},
                                               {"card.md", true},
                                               {"experience.safetensors", false}}};

[[noreturn]] void refuse(const std::string& source, const std::string& why) {
  throw Error(ErrorKind::bundle, source + why);
}

[[noreturn]] void refuse_damaged(const std::string& source) {
  refuse(source, " is damaged or was cut short; copy it again");
}

[[noreturn]] void refuse_layout(const std::string& source) {
  refuse(source, " is damaged or was repacked: it is not in the canonical layout");
}

std::uint32_t read_little_endian(Bytes content, std::size_t at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes; i-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(content[at + i]);
  return value;
}
std::uint16_t read16(Bytes content, std::size_t at) {
  return static_cast<std::uint16_t>(read_little_endian(content, at, 2));
}
std::uint32_t read32(Bytes content, std::size_t at) { return read_little_endian(content, at, 4); }

std::string_view text_at(Bytes content, std::size_t at, std::size_t length) {
  return {reinterpret_cast<const char*>(content.data()) + at, length};
}

// What the directory says of a member.
struct Entry {
  std::string_view name;
  std::uint16_t method;
  std::uint32_t size;
  std::uint32_t offset;  // of the local header
};

struct Directory {
  std::size_t start;
  std::vector<Entry> entries;
};

Directory read_directory(Bytes content, const std::string& source) {
  if (content.size() < kEndRecord) refuse_damaged(source);
  const std::size_t end = content.size() - kEndRecord;
  if (text_at(content, end, 4) != std::string_view("PK\5\6", 4)) refuse_damaged(source);
  const std::size_t count = read16(content, end + 10);
  Directory directory{.start = read32(content, end + 16), .entries = {}};
  std::size_t at = directory.start;
  for (std::size_t index = 0; index < count; ++index) {
    if (at > end || end - at < kDirectoryHeader) refuse_damaged(source);
    if (text_at(content, at, 4) != std::string_view("PK\1\2", 4)) refuse_damaged(source);
    const std::size_t name = read16(content, at + 28), extra = read16(content, at + 30),
                      comment = read16(content, at + 32);
    const std::size_t length = kDirectoryHeader + name + extra + comment;
    if (end - at < length) refuse_damaged(source);
    directory.entries.push_back({.name = text_at(content, at + kDirectoryHeader, name),
                                 .method = read16(content, at + 10),
                                 .size = read32(content, at + 24),
                                 .offset = read32(content, at + 42)});
    at += length;
  }
  return directory;
}

bool holds(const Directory& directory, std::string_view name) {
  return std::any_of(directory.entries.begin(), directory.entries.end(),
                     [&](const Entry& e) { return e.name == name; });
}

void check_names(const Directory& directory, const std::string& source) {
  if (!holds(directory, kMembers[0].name)) {
    refuse(source, " is a zip archive, but not an ecg2lab bundle: it has no manifest.json");
  }
  for (const Entry& entry : directory.entries) {
    const bool is_member =
        std::any_of(kMembers.begin(), kMembers.end(), [&](const auto& m) { return m.name == entry.name; });
    if (!is_member) refuse(source, " holds '" + std::string(entry.name) + "', which is no part of a bundle");
  }
  for (const auto& [name, required] : kMembers) {
    if (required && !holds(directory, name)) refuse(source, " lacks " + std::string(name));
    const auto times = std::count_if(directory.entries.begin(), directory.entries.end(),
                                     [name = name](const Entry& e) { return e.name == name; });
    if (times > 1) refuse(source, " holds a member twice");
  }
  for (const Entry& entry : directory.entries) {
    if (entry.method != 0) refuse(source, " was repacked: members of a bundle are stored, not compressed");
  }
}

// Bytes as the layout wants them, held against those that are there, one after another.
class Comparison {
 public:
  Comparison(Bytes content, std::size_t at, const std::string& source) : content_(content), at_(at), source_(source) {}

  std::size_t at() const { return at_; }

  void expect(std::string_view bytes) {
    if (content_.size() - at_ < bytes.size() || text_at(content_, at_, bytes.size()) != bytes) refuse_layout(source_);
    at_ += bytes.size();
  }

  template <typename... Numbers>  // of the width that the field has
  void expect_numbers(Numbers... numbers) {
    (expect_number(numbers), ...);
  }

  // Where all before it is right, the archive is ours and its content is not.
  void expect_crc(std::uint32_t crc) {
    if (content_.size() - at_ < sizeof(crc) || read32(content_, at_) != crc) refuse_damaged(source_);
    at_ += sizeof(crc);
  }

  void expect_zeros(std::size_t count) {
    for (; count > 0; --count) expect(std::string_view("\0", 1));
  }

  Bytes take(std::size_t size) {
    if (content_.size() - at_ < size) refuse_damaged(source_);
    at_ += size;
    return content_.subspan(at_ - size, size);
  }

 private:
  template <typename T>
  void expect_number(T number) {
    std::array<char, sizeof(T)> bytes;
    for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(std::uint64_t{number} >> (8 * i));
    expect({bytes.data(), bytes.size()});
  }

  Bytes content_;
  std::size_t at_;
  const std::string& source_;
};

constexpr std::uint16_t kNone16 = 0;
constexpr std::uint32_t kNone32 = 0;

// What local header and directory say alike: version, no flags, stored, midnight, date, CRC-32, size twice, name.
void expect_common(Comparison& file, const Member& member, std::uint32_t crc) {
  const auto size = static_cast<std::uint32_t>(member.content.size());
  file.expect_numbers(kVersion, kNone16, kNone16, kNone16, kDosDate);
  file.expect_crc(crc);
  file.expect_numbers(size, size, static_cast<std::uint16_t>(member.name.size()));
}

std::size_t gap_before(std::size_t offset, std::string_view name) {
  return (kAlignment - (offset + kLocalHeader + name.size() + kPaddingHeader) % kAlignment) % kAlignment;
}

// The local header can be compared only with the CRC-32 of the content behind it.
Member expect_member(Comparison& file, const Entry& entry, Bytes content, const std::string& source,
                     std::uint32_t& crc) {
  const std::size_t gap = gap_before(file.at(), entry.name);
  const std::size_t start = file.at() + kLocalHeader + entry.name.size() + kPaddingHeader + gap;
  if (start > content.size() || content.size() - start < entry.size) refuse_damaged(source);
  const Member member{entry.name, content.subspan(start, entry.size)};
  crc = crc32(member.content);
  file.expect(std::string_view("PK\3\4", 4));
  expect_common(file, member, crc);
  file.expect_numbers(static_cast<std::uint16_t>(kPaddingHeader + gap));
  file.expect(entry.name);
  file.expect_numbers(kPaddingField, static_cast<std::uint16_t>(2 + gap), static_cast<std::uint16_t>(kAlignment));
  file.expect_zeros(gap);
  file.take(entry.size);
  return member;
}

void expect_entry(Comparison& file, const Member& member, std::uint32_t crc, std::uint32_t offset) {
  file.expect(std::string_view("PK\1\2", 4));
  file.expect_numbers(kVersion);  // made by
  expect_common(file, member, crc);
  // no extra field, no comment, first disk, no attributes
  file.expect_numbers(kNone16, kNone16, kNone16, kNone16, kNone32, offset);
  file.expect(member.name);
}

bool in_order(const std::vector<Entry>& entries) {
  std::size_t next = 0;
  for (const auto& member : kMembers) next += next < entries.size() && entries[next].name == member.name;
  return next == entries.size();
}

}  // namespace

std::vector<Member> unpack(Bytes content, const std::string& source) {
  if (content.size() < 2 || text_at(content, 0, 2) != "PK") {
    refuse(source, " is not an ecg2lab bundle (a bundle is written by `ecg2lab export`)");
  }
  const Directory directory = read_directory(content, source);
  check_names(directory, source);
  if (!in_order(directory.entries)) refuse_layout(source);

  Comparison file(content, 0, source);
  std::vector<Member> members;
  std::vector<std::uint32_t> crcs(directory.entries.size()), offsets;
  for (std::size_t i = 0; i < directory.entries.size(); ++i) {
    offsets.push_back(static_cast<std::uint32_t>(file.at()));
    members.push_back(expect_member(file, directory.entries[i], content, source, crcs[i]));
  }
  const std::size_t start = file.at();
  for (std::size_t i = 0; i < members.size(); ++i) expect_entry(file, members[i], crcs[i], offsets[i]);
  const auto count = static_cast<std::uint16_t>(members.size());
  const auto size = static_cast<std::uint32_t>(file.at() - start);
  file.expect(std::string_view("PK\5\6", 4));
  file.expect_numbers(kNone16, kNone16, count, count, size, static_cast<std::uint32_t>(start), kNone16);
  if (file.at() != content.size()) refuse_layout(source);
  return members;
}

}  // namespace ecg2lab
