#include "packed_network.h"

#include <algorithm>
#include <numbers>

namespace ecg2lab {
namespace {

constexpr std::size_t kScanChunk = 10;  // T: the fastest, and as exact as any other

AlignedFloats padded(const std::vector<float>& values, std::size_t size) {
  AlignedFloats out(size);
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

// (H, columns) → (H/W, columns, W)
AlignedFloats interleaved(const std::vector<float>& values, std::size_t rows, std::size_t columns, std::size_t blocks,
                          std::size_t width) {
  AlignedFloats out(blocks * columns * width);
  for (std::size_t h = 0; h < rows; ++h) {
    for (std::size_t column = 0; column < columns; ++column) {
      out[(h / width * columns + column) * width + h % width] = values[h * columns + column];
    }
  }
  return out;
}

// The sigmoid of a gate is taken as 1 / (1 + 2^g), so the factor of g is multiplied into its weights.
constexpr float kGate = -std::numbers::log2e_v<float>;

void pack_output(const LayerWeights& layer, std::size_t channels, std::size_t blocks, std::size_t width,
                 PackedLayer& packed) {
  packed.weights.resize(blocks * width * blocks * 2 * width);
  packed.bias.resize(blocks * 2 * width);
  for (std::size_t h = 0; h < channels; ++h) {
    const std::size_t panel = h / width, lane = h % width;
    const float* value = &layer.output_weight[h * channels];
    const float* gate = &layer.output_weight[(channels + h) * channels];
    float* row = &packed.weights[panel * blocks * width * 2 * width + lane];
    for (std::size_t k = 0; k < channels; ++k, row += 2 * width) {
      row[0] = value[k];
      row[width] = gate[k] * kGate;
    }
    packed.bias[panel * 2 * width + lane] = layer.output_bias[h];
    packed.bias[panel * 2 * width + width + lane] = layer.output_bias[channels + h] * kGate;
  }
}

Scan make_scan(const LayerWeights& layer, std::size_t channels, const Kernels& kernels) {
  if (layer.cascade) {
    const CascadeWeights& c = *layer.cascade;
    return Scan(KautzCascade{channels, c.sections, layer.directions, c.h, c.r, c.taps, layer.skip}, kernels);
  }
  const StateSpaceWeights& s = layer.state_space;
  return Scan(StateSpace{channels, s.states, layer.directions, s.a, s.b, s.c, layer.skip}, kScanChunk, kernels);
}

}  // namespace

PackedNetwork::PackedNetwork(const NetworkWeights& network, const Kernels& table)
    : kernels(&table),
      sizes(network.sizes),
      channels(network.channels),
      blocks((channels + table.width - 1) / table.width),
      encoder_weight(interleaved(network.encoder_weight, channels, sizes.leads, blocks, table.width)),
      encoder_bias(padded(network.encoder_bias, blocks * table.width)),
      mask(table.width),
      embeddings(network.embeddings),
      static_branch(network.static_branch),
      head(network.head) {
  std::fill_n(mask.begin(), channels - (blocks - 1) * table.width, 1.0f);
  for (const LayerWeights& layer : network.layers) {
    PackedLayer packed{.scan = make_scan(layer, channels, table),
                       .weights = {},
                       .bias = {},
                       .norm_weight = padded(layer.norm_weight, blocks * table.width),
                       .norm_bias = padded(layer.norm_bias, blocks * table.width)};
    pack_output(layer, channels, blocks, table.width, packed);
    layers.push_back(std::move(packed));
  }
}

}  // namespace ecg2lab
