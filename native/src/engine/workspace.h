// What one call of an engine works in.
//
// Glossary: L samples of a window, W channels of a block, E width of the static branch.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/aligned.h"
#include "engine/packed_network.h"

namespace ecg2lab {

struct Workspace {
  Workspace(const PackedNetwork& network, std::size_t threads);

  std::size_t block_stride;          // floats from one block of activations to the next
  AlignedFloats residual;            // (blocks, L, W): input of a layer, then its sum with the layer's output
  AlignedFloats activations;         // (blocks, L, W) after GELU; of one block for each thread in bf16
  AlignedVector<std::byte> reduced;  // (blocks, L, W) what the dense product multiplies, unless that is fp32
  AlignedFloats row_scale;           // (L) of int8
  AlignedFloats mean, scale;         // (L) of LayerNorm
  std::size_t scratch_size;          // floats
  AlignedFloats scratch;             // (threads, scratch_size) of the scan
  AlignedFloats joined;              // (H + E): mean over time, then the static branch
  std::vector<float> from, to;       // input and output of a static layer
};

// Workspaces that nobody uses.
class WorkspacePool {
 public:
  WorkspacePool(const PackedNetwork& network, std::size_t threads);

  // Given back when it goes.
  class Lease {
   public:
    explicit Lease(WorkspacePool& pool) : pool_(pool), workspace_(pool.take()) {}
    ~Lease() { pool_.give_back(std::move(workspace_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Workspace& operator*() { return *workspace_; }

   private:
    WorkspacePool& pool_;
    std::unique_ptr<Workspace> workspace_;
  };

 private:
  std::unique_ptr<Workspace> take();
  void give_back(std::unique_ptr<Workspace> workspace);

  const PackedNetwork& network_;
  std::size_t threads_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace ecg2lab
