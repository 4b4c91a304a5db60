// A network's weights in the order in which the kernels of one instruction set read them.
//
// Glossary: H channels, in blocks of W that the last one pads with zeros; E width of the static branch.
#pragma once

#include <vector>

#include "base/aligned.h"
#include "engine/kernels/table.h"
#include "engine/network.h"
#include "engine/packed_product.h"
#include "engine/scan.h"

namespace ecg2lab {

struct PackedLayer {
  Scan scan;
  PackedProduct output;
  AlignedFloats norm_weight, norm_bias;  // (H)
};

struct PackedNetwork {
  PackedNetwork(const NetworkWeights& network, const Product& product);

  const Product* product;
  const Kernels* kernels;  // those of the product
  NetworkSizes sizes;
  std::size_t channels, blocks;
  AlignedFloats encoder_weight;  // (H/W, leads, W)
  AlignedFloats encoder_bias;    // (H)
  AlignedFloats mask;            // (W) which channels of the last block exist
  std::vector<PackedLayer> layers;
  std::vector<EmbeddingWeights> embeddings;
  std::vector<LinearWeights> static_branch;
  LinearWeights head;
};

}  // namespace ecg2lab
