#include "engine/workspace.h"

#include <algorithm>

#include "base/sizes.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kCacheLine = 64 / sizeof(float);

// Blocks an odd number of cache lines apart: a product reads the same rows of all blocks, and at a multiple of 4096
// bytes they would fall into the same few places of a cache.
std::size_t odd_stride(std::size_t floats) {
  const std::size_t lines = (floats + kCacheLine - 1) / kCacheLine;
  return (lines | 1) * kCacheLine;
}

std::size_t largest_scratch(const PackedNetwork& network) {
  std::size_t largest = 0;
  for (const PackedLayer& layer : network.layers) largest = std::max(largest, layer.scan.scratch(network.sizes.window));
  return largest;
}

std::size_t widest_static_layer(const PackedNetwork& network) {
  std::size_t widest = network.sizes.continuous;
  for (const EmbeddingWeights& embedding : network.embeddings) widest += embedding.width;
  for (const LinearWeights& layer : network.static_branch) widest = std::max(widest, layer.outputs);
  return widest;
}

}  // namespace

Workspace::Workspace(const PackedNetwork& network, std::size_t threads)
    : block_stride(odd_stride(checked_product(network.sizes.window, network.kernels->width))),
      residual(checked_product(network.blocks, block_stride)),
      activations((network.product->precision == Precision::bf16 ? threads : network.blocks) * block_stride),
      reduced(network.product->precision == Precision::fp32 ? 0
                                                            : network.blocks * block_stride * sizeof(std::uint16_t)),
      row_scale(network.product->precision == Precision::int8 ? network.sizes.window : 0),
      mean(network.sizes.window),
      scale(network.sizes.window),
      scratch_size(odd_stride(largest_scratch(network))),
      scratch(checked_product(threads, scratch_size)),
      joined(std::max(network.head.inputs, network.blocks * network.kernels->width)),
      from(widest_static_layer(network)),
      to(from.size()) {}

WorkspacePool::WorkspacePool(const PackedNetwork& network, std::size_t threads)
    : network_(network), threads_(threads) {}

std::unique_ptr<Workspace> WorkspacePool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto workspace = std::move(idle_.back());
      idle_.pop_back();
      return workspace;
    }
    idle_.reserve(idle_.capacity() + 1);  // so that giving back cannot fail
  }
  return std::make_unique<Workspace>(network_, threads_);
}

void WorkspacePool::give_back(std::unique_ptr<Workspace> workspace) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(workspace));
}

}  // namespace ecg2lab
