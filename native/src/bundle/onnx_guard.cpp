#include "bundle/onnx_guard.h"

#include <array>
#include <cstdint>
#include <stdexcept>

namespace ecg2lab {
namespace {

using Bytes = std::span<const std::byte>;

enum class Kind { model, training, function, graph, node, attribute, sparse, tensor };

// Fields of a message in which other messages stand (onnx.proto, all versions).
struct Child {
  Kind parent;
  std::uint64_t field;
  Kind kind;
};
constexpr std::array<Child, 18> kChildren{{{Kind::model, 7, Kind::graph},
                                           {Kind::model, 20, Kind::training},
                                           {Kind::model, 25, Kind::function},
                                           {Kind::training, 1, Kind::graph},
                                           {Kind::training, 2, Kind::graph},
                                           {Kind::function, 7, Kind::node},
                                           {Kind::graph, 1, Kind::node},
                                           {Kind::graph, 5, Kind::tensor},
                                           {Kind::graph, 15, Kind::sparse},
                                           {Kind::node, 5, Kind::attribute},
                                           {Kind::attribute, 5, Kind::tensor},
                                           {Kind::attribute, 6, Kind::graph},
                                           {Kind::attribute, 10, Kind::tensor},
                                           {Kind::attribute, 11, Kind::graph},
                                           {Kind::attribute, 22, Kind::sparse},
                                           {Kind::attribute, 23, Kind::sparse},
                                           {Kind::sparse, 1, Kind::tensor},
                                           {Kind::sparse, 2, Kind::tensor}}};
constexpr std::uint64_t kDataLocation = 14, kExternalData = 13;
constexpr int kDeepest = 32;

// Reads the fields of a message one after another.
class Message {
 public:
  explicit Message(Bytes bytes) : bytes_(bytes) {}

  bool at_end() const { return bytes_.empty(); }

  struct Content {
    std::uint64_t field;
    std::uint64_t number;  // of a varint; else 0
    bool is_message;
    Bytes bytes;  // of what may be a message
  };

  Content next() {
    const std::uint64_t key = varint();
    switch (key & 7) {
      case 0:
        return {key >> 3, varint(), false, {}};
      case 1:
        take(8);
        return {key >> 3, 0, false, {}};
      case 2:
        return {key >> 3, 0, true, take(varint())};
      case 5:
        take(4);
        return {key >> 3, 0, false, {}};
      default:
        throw std::invalid_argument("an unknown kind of field");
    }
  }

 private:
  Bytes take(std::uint64_t size) {
    if (size > bytes_.size()) throw std::invalid_argument("a field reaches beyond its message");
    const Bytes taken = bytes_.first(static_cast<std::size_t>(size));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (bytes_.empty()) throw std::invalid_argument("a number is cut short");
      const auto byte = std::to_integer<std::uint64_t>(bytes_.front());
      bytes_ = bytes_.subspan(1);
      // the tenth byte holds one bit; more would not fit 64
      if (shift == 63 && (byte & 0x7F) > 1) throw std::invalid_argument("a number is too long");
      value |= (byte & 0x7F) << shift;
      if (!(byte & 0x80)) return value;
    }
    throw std::invalid_argument("a number is too long");
  }

  Bytes bytes_;
};

bool search(Bytes bytes, Kind kind, int depth) {
  if (depth > kDeepest) throw std::invalid_argument("graphs are nested too deeply");
  for (Message message(bytes); !message.at_end();) {
    const auto content = message.next();
    if (kind == Kind::tensor) {
      if (content.field == kExternalData) return true;
      if (content.field == kDataLocation && (content.is_message || content.number != 0)) return true;
    }
    if (!content.is_message) continue;
    for (const Child& child : kChildren) {
      if (child.parent == kind && child.field == content.field && search(content.bytes, child.kind, depth + 1)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace

bool refers_outside(Bytes model) { return search(model, Kind::model, 0); }

}  // namespace ecg2lab
