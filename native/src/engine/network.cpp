#include "engine/network.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace ecg2lab {
namespace {

using Shape = std::vector<std::size_t>;

std::string describe(const Shape& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

class Reader {
 public:
  explicit Reader(const TensorMap& tensors) : tensors_(tensors) {}

  bool has(const std::string& name) const { return tensors_.count(name) != 0; }

  const Shape& shape(const std::string& name) const { return find(name).shape; }

  // Size along an axis, for sizes that only the tensor itself states.
  std::size_t size(const std::string& name, std::size_t axis) const {
    const Shape& sizes = shape(name);
    if (axis >= sizes.size() || sizes[axis] == 0) fail(name, "has shape " + describe(sizes));
    return sizes[axis];
  }

  template <class T>
  std::vector<T> read(const std::string& name, const Shape& expected) const {
    constexpr Tensor::Type kType = sizeof(T) == sizeof(double) ? Tensor::Type::f64 : Tensor::Type::f32;
    const Tensor& tensor = find(name);
    if (tensor.type != kType) fail(name, sizeof(T) == sizeof(double) ? "is not of type F64" : "is not of type F32");
    if (tensor.shape != expected) fail(name, "has shape " + describe(tensor.shape) + ", not " + describe(expected));
    std::size_t count = 1;
    for (const std::size_t size : expected) count *= size;
    std::vector<T> values(count);
    if (count) std::memcpy(values.data(), tensor.data, count * sizeof(T));
    if (!std::all_of(values.begin(), values.end(), [](T x) { return std::isfinite(x); })) {
      fail(name, "has values that are not finite");
    }
    return values;
  }

 private:
  const Tensor& find(const std::string& name) const {
    const auto entry = tensors_.find(name);
    if (entry == tensors_.end()) throw std::invalid_argument("the weights lack " + name);
    return entry->second;
  }
  [[noreturn]] static void fail(const std::string& name, const std::string& what) {
    throw std::invalid_argument("weights: " + name + " " + what);
  }

  const TensorMap& tensors_;
};

std::optional<CascadeWeights> read_cascade(const Reader& reader, const std::string& own, std::size_t directions,
                                           std::size_t channels) {
  const std::string prefix = own + "cascade.";
  if (!reader.has(prefix + "h") && !reader.has(prefix + "r") && !reader.has(prefix + "taps")) return std::nullopt;
  const std::size_t sections = reader.size(prefix + "h", 1);
  return CascadeWeights{.sections = sections,
                        .h = reader.read<float>(prefix + "h", {channels, sections}),
                        .r = reader.read<float>(prefix + "r", {channels, sections}),
                        .taps = reader.read<float>(prefix + "taps", {directions, channels, 2 * sections})};
}

LayerWeights read_layer(const Reader& reader, std::size_t index, std::size_t channels) {
  const std::string own = "layers." + std::to_string(index) + ".";
  const std::size_t directions = reader.size(own + "b", 0), states = reader.size(own + "b", 2);
  if (directions > 2) throw std::invalid_argument("weights: " + own + "b has more than two directions");
  return {.directions = directions,
          .state_space = {.states = states,
                          .a = reader.read<double>(own + "a", {directions, channels, states, states}),
                          .b = reader.read<double>(own + "b", {directions, channels, states}),
                          .c = reader.read<double>(own + "c", {directions, channels, states})},
          .cascade = read_cascade(reader, own, directions, channels),
          .skip = reader.read<double>(own + "d", {channels}),
          .output_weight = reader.read<float>(own + "output.weight", {2 * channels, channels}),
          .output_bias = reader.read<float>(own + "output.bias", {2 * channels}),
          .norm_weight = reader.read<float>(own + "norm.weight", {channels}),
          .norm_bias = reader.read<float>(own + "norm.bias", {channels})};
}

LinearWeights read_linear(const Reader& reader, const std::string& own, std::size_t inputs, bool centred) {
  const std::size_t outputs = reader.size(own + "weight", 0);
  return {.inputs = inputs,
          .outputs = outputs,
          .mean = centred ? reader.read<float>(own + "mean", {inputs}) : std::vector<float>(),
          .weight = reader.read<float>(own + "weight", {outputs, inputs}),
          .bias = reader.read<float>(own + "bias", {outputs})};
}

std::string numbered(const std::string& before, std::size_t index, const std::string& after) {
  return before + std::to_string(index) + after;
}

}  // namespace

NetworkWeights read_network(const TensorMap& tensors, const NetworkSizes& sizes) {
  const Reader reader(tensors);
  NetworkWeights network{.sizes = sizes,
                         .channels = reader.size("encoder.bias", 0),
                         .encoder_weight = {},
                         .encoder_bias = {},
                         .layers = {},
                         .embeddings = {},
                         .static_branch = {},
                         .head = {}};
  network.encoder_weight = reader.read<float>("encoder.weight", {network.channels, sizes.leads});
  network.encoder_bias = reader.read<float>("encoder.bias", {network.channels});
  while (reader.has(numbered("layers.", network.layers.size(), ".a"))) {
    network.layers.push_back(read_layer(reader, network.layers.size(), network.channels));
  }
  if (network.layers.empty()) throw std::invalid_argument("the weights lack layers.0.a");
  std::size_t width = sizes.continuous;
  for (std::size_t i = 0; i < sizes.categorical.size(); ++i) {
    const std::string name = numbered("embeddings.", i, "");
    const std::size_t codes = sizes.categorical[i], columns = reader.size(name, 1);
    network.embeddings.push_back({codes, columns, reader.read<float>(name, {codes, columns})});
    width += columns;
  }
  while (reader.has(numbered("static.", network.static_branch.size(), ".weight"))) {
    const std::string own = numbered("static.", network.static_branch.size(), ".");
    network.static_branch.push_back(read_linear(reader, own, width, true));
    width = network.static_branch.back().outputs;
  }
  network.head = read_linear(reader, "head.", network.channels + width, false);
  if (network.head.outputs != sizes.targets) {
    throw std::invalid_argument("weights: head.weight has " + std::to_string(network.head.outputs) +
                                " outputs, the contract " + std::to_string(sizes.targets) + " targets");
  }
  return network;
}

}  // namespace ecg2lab
