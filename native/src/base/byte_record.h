// Numbers and texts one after the other in bytes, and a seal that shows damage.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ecg2lab {

inline std::invalid_argument damaged_record() { return std::invalid_argument("the saved state is damaged"); }

class ByteWriter {
 public:
  template <class Number>
  void number(Number value) {
    static_assert(std::is_arithmetic_v<Number> && sizeof(Number) == 8);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }
  void text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Every read throws `damaged_record` beyond the end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class Number>
  Number number() {
    return numbers<Number>(1).front();
  }
  template <class Number>
  std::vector<Number> numbers(std::size_t count) {
    if (count > rest_.size() / sizeof(Number)) throw damaged_record();
    std::vector<Number> values(count);
    if (count > 0) std::memcpy(values.data(), rest_.data(), count * sizeof(Number));
    rest_.remove_prefix(count * sizeof(Number));
    return values;
  }
  std::string_view text() {
    const auto size = static_cast<std::uint64_t>(number<std::int64_t>());
    if (size > rest_.size()) throw damaged_record();
    const std::string_view value = rest_.substr(0, static_cast<std::size_t>(size));
    rest_.remove_prefix(value.size());
    return value;
  }
  void require_end() const {
    if (!rest_.empty()) throw damaged_record();
  }

 private:
  std::string_view rest_;
};

// 64-bit FNV-1a: finds accidents, not intent.
inline std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

inline std::string sealed(const std::string& record) {
  ByteWriter seal;
  seal.number(checksum(record));
  return record + seal.bytes();
}

inline std::string_view unsealed(std::string_view bytes) {
  if (bytes.size() < sizeof(std::uint64_t)) throw damaged_record();
  const std::string_view record = bytes.substr(0, bytes.size() - sizeof(std::uint64_t));
  ByteReader seal(bytes.substr(record.size()));
  if (seal.number<std::uint64_t>() != checksum(record)) throw damaged_record();
  return record;
}

}  // namespace ecg2lab
