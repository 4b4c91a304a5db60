// Reads messages of protocol buffers (https://protobuf.dev/programming-guides/encoding), field by field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

namespace ecg2lab {

class ProtobufError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

struct ProtobufField {
  enum class Kind { number, fixed32, fixed64, bytes };

  std::uint64_t id;
  Kind kind;
  std::uint64_t number;              // of the first three kinds
  std::span<const std::byte> bytes;  // of the last: text, numbers one after another, or a message

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

class ProtobufMessage {
 public:
  explicit ProtobufMessage(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }

  // Throws ProtobufError if what follows is no field.
  ProtobufField next() {
    const std::uint64_t key = varint();
    switch (key & 7) {
      case 0:
        return {key >> 3, ProtobufField::Kind::number, varint(), {}};
      case 1:
        return {key >> 3, ProtobufField::Kind::fixed64, fixed(8), {}};
      case 2:
        return {key >> 3, ProtobufField::Kind::bytes, 0, take(varint())};
      case 5:
        return {key >> 3, ProtobufField::Kind::fixed32, fixed(4), {}};
      default:
        throw ProtobufError("an unknown kind of field");
    }
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (bytes_.empty()) throw ProtobufError("a number is cut short");
      const auto byte = std::to_integer<std::uint64_t>(bytes_.front());
      bytes_ = bytes_.subspan(1);
      // the tenth byte holds one bit; more would not fit 64
      if (shift == 63 && (byte & 0x7F) > 1) throw ProtobufError("a number is too long");
      value |= (byte & 0x7F) << shift;
      if (!(byte & 0x80)) return value;
    }
    throw ProtobufError("a number is too long");
  }

 private:
  std::span<const std::byte> take(std::uint64_t size) {
    if (size > bytes_.size()) throw ProtobufError("a field reaches beyond its message");
    const auto taken = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

  std::uint64_t fixed(std::size_t size) {
    const auto taken = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(taken[i]);
    return value;
  }

  std::span<const std::byte> bytes_;
};

}  // namespace ecg2lab
