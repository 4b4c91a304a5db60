#include "bundle/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/errors.h"
#include "base/fields.h"

static_assert(std::endian::native == std::endian::little, "the numbers of a file are read in place");

namespace ecg2lab {
namespace {

constexpr std::size_t kLength = 8;
constexpr auto kLargest = static_cast<std::int64_t>(  // that any machine can address
    std::min<std::uint64_t>(std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::size_t>::max()));
constexpr std::size_t kMostDimensions = 32;

struct KnownType {
  std::string_view name;
  Tensor::Type type;
  std::size_t size;
};
constexpr std::array<KnownType, 8> kTypes{{{"F64", Tensor::Type::f64, 8},
                                           {"F32", Tensor::Type::f32, 4},
                                           {"F16", Tensor::Type::f16, 2},
                                           {"I64", Tensor::Type::i64, 8},
                                           {"I32", Tensor::Type::i32, 4},
                                           {"I8", Tensor::Type::i8, 1},
                                           {"U8", Tensor::Type::u8, 1},
                                           {"BOOL", Tensor::Type::boolean, 1}}};

// What the header says of one tensor.
struct Entry {
  std::string name;
  std::string type;
  std::vector<std::size_t> shape;
  std::size_t start;
  std::size_t stop;
};

std::size_t read_size(const Field& field) { return static_cast<std::size_t>(field.integer(0, kLargest)); }

Entry read_entry(const std::string& name, const Field& field) {
  Fields fields(field);
  Entry entry{.name = name, .type = fields.required("dtype").text(), .shape = {}, .start = 0, .stop = 0};
  for (const Field& dimension : fields.required("shape").items()) entry.shape.push_back(read_size(dimension));
  const Field place = fields.required("data_offsets");
  const auto offsets = place.items();
  if (offsets.size() != 2) place.refuse("expected two offsets");
  entry.start = read_size(offsets[0]);
  entry.stop = read_size(offsets[1]);
  return entry;
}

std::vector<Entry> read_header(std::string_view text) {
  const Json json = parse_json(text);
  std::vector<Entry> entries;
  for (const auto& [name, field] : Field(json, "$").members()) {
    if (name != "__metadata__") entries.push_back(read_entry(name, field));
  }
  return entries;
}

void require_no_gap(std::vector<Entry> entries, std::size_t size, const std::string& name) {
  const auto place = [](const Entry& e) { return std::pair(e.start, e.stop); };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return place(a) < place(b); });
  std::size_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.start != end || entry.stop < entry.start) {
      throw Error(ErrorKind::bundle, name + " is malformed: its tensors overlap or leave a gap");
    }
    end = entry.stop;
  }
  if (end != size) {
    throw Error(ErrorKind::bundle, name + " is malformed: its tensors take " + std::to_string(end) +
                                       " bytes and it has " + std::to_string(size));
  }
}

// Whether the shape fills `bytes` exactly, without a product that overflows.
bool fills(const std::vector<std::size_t>& shape, std::size_t element, std::size_t bytes) {
  if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return bytes == 0;
  std::size_t product = element;
  for (const std::size_t dimension : shape) {
    if (dimension > bytes / product) return false;
    product *= dimension;
  }
  return product == bytes;
}

void add_tensor(Safetensors& file, const Entry& entry, std::span<const std::byte> body, const std::string& name) {
  const std::string called = name + ": " + entry.name;
  const auto element =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const KnownType& type) { return type.name == entry.type; });
  if (element == kTypes.end()) {
    throw Error(ErrorKind::bundle, called + " is of type " + entry.type + ", which this ecg2lab does not read");
  }
  if (!fills(entry.shape, element->size, entry.stop - entry.start)) {
    throw Error(ErrorKind::bundle, called + " does not fill the place that its header gives it");
  }
  // An empty array has no bytes, but NumPy and others still multiply its other dimensions.
  const bool huge = std::any_of(entry.shape.begin(), entry.shape.end(),
                                [](std::size_t d) { return d > std::uint64_t{kLargest} / sizeof(double); });
  if (huge || entry.shape.size() > kMostDimensions) {
    throw Error(ErrorKind::bundle, called + " has a shape that no array can have");
  }
  const auto bytes = body.subspan(entry.start, entry.stop - entry.start);
  const std::byte* data = bytes.data();
  if (reinterpret_cast<std::uintptr_t>(data) % element->size != 0) {
    auto& copy = file.moved.emplace_back(std::make_unique<std::byte[]>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), copy.get());
    data = copy.get();
  }
  file.tensors[entry.name] = {.type = element->type, .shape = entry.shape, .data = data};
}

}  // namespace

Safetensors read_safetensors(std::span<const std::byte> content, const std::string& name) {
  std::uint64_t length = 0;
  const std::size_t readable = std::min(content.size(), kLength);
  for (std::size_t i = readable; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(content[i]);
  if (readable < kLength || length > content.size() - kLength) {
    throw Error(ErrorKind::bundle, name + " is malformed: its header is cut short");
  }
  const auto header = content.subspan(kLength, static_cast<std::size_t>(length));
  const auto body = content.subspan(kLength + header.size());
  std::vector<Entry> entries;
  try {
    entries = read_header({reinterpret_cast<const char*>(header.data()), header.size()});
  } catch (const std::invalid_argument& error) {  // JsonError, FieldError
    throw Error(ErrorKind::bundle, name + " is malformed: " + error.what());
  }
  require_no_gap(entries, body.size(), name);
  Safetensors file;
  for (const Entry& entry : entries) add_tensor(file, entry, body, name);
  return file;
}

}  // namespace ecg2lab
