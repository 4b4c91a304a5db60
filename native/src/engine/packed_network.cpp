#include "engine/packed_network.h"

#include <algorithm>

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

Scan make_scan(const LayerWeights& layer, std::size_t channels, const Kernels& kernels) {
  if (layer.cascade) {
    const CascadeWeights& c = *layer.cascade;
    return Scan(KautzCascade{channels, c.sections, layer.directions, c.h, c.r, c.taps, layer.skip}, kernels);
  }
  const StateSpaceWeights& s = layer.state_space;
  return Scan(StateSpace{channels, s.states, layer.directions, s.a, s.b, s.c, layer.skip}, kScanChunk, kernels);
}

}  // namespace

PackedNetwork::PackedNetwork(const NetworkWeights& network, const Product& multiply)
    : product(&multiply),
      kernels(multiply.kernels),
      sizes(network.sizes),
      channels(network.channels),
      blocks((channels + kernels->width - 1) / kernels->width),
      encoder_weight(interleaved(network.encoder_weight, channels, sizes.leads, blocks, kernels->width)),
      encoder_bias(padded(network.encoder_bias, blocks * kernels->width)),
      mask(kernels->width),
      embeddings(network.embeddings),
      static_branch(network.static_branch),
      head(network.head) {
  std::fill_n(mask.begin(), channels - (blocks - 1) * kernels->width, 1.0f);
  for (const LayerWeights& layer : network.layers) {
    layers.push_back({.scan = make_scan(layer, channels, *kernels),
                      .output = PackedProduct(multiply, layer.output_weight, layer.output_bias, channels),
                      .norm_weight = padded(layer.norm_weight, blocks * kernels->width),
                      .norm_bias = padded(layer.norm_bias, blocks * kernels->width)});
  }
}

}  // namespace ecg2lab
