// The weights of a network, checked against its sizes: what the engine packs.
//
// Glossary: H channels, R states kept, S sections, D directions (1 causal, 2 bidirectional), n targets; shapes in
// comments. `docs/bundle.md` lists the tensors.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace ecg2lab {

// What the contract says of inputs and outputs.
struct NetworkSizes {
  std::size_t leads = 0;
  std::size_t window = 0;                // L
  std::size_t continuous = 0;            // columns, missing flags among them
  std::vector<std::size_t> categorical;  // codes of each column
  std::size_t targets = 0;               // n
};

// A Kautz cascade in float32.
struct CascadeWeights {
  std::size_t sections;
  std::vector<float> h, r;  // (H S)
  std::vector<float> taps;  // (D H 2S)
};

// A real state space in float64.
struct StateSpaceWeights {
  std::size_t states;
  std::vector<double> a;     // (D H R R)
  std::vector<double> b, c;  // (D H R)
};

struct LayerWeights {
  std::size_t directions;
  StateSpaceWeights state_space;
  std::optional<CascadeWeights> cascade;      // where it is exact enough
  std::vector<double> skip;                   // (H)
  std::vector<float> output_weight;           // (2H H), values first, then gates
  std::vector<float> output_bias;             // (2H)
  std::vector<float> norm_weight, norm_bias;  // (H)
};

struct LinearWeights {
  std::size_t inputs, outputs;
  std::vector<float> mean;    // (inputs), subtracted first; empty: nothing is
  std::vector<float> weight;  // (outputs inputs)
  std::vector<float> bias;    // (outputs)
};

struct EmbeddingWeights {
  std::size_t codes, width;
  std::vector<float> table;  // (codes width)
};

struct NetworkWeights {
  NetworkSizes sizes;
  std::size_t channels;               // H
  std::vector<float> encoder_weight;  // (H leads)
  std::vector<float> encoder_bias;    // (H)
  std::vector<LayerWeights> layers;
  std::vector<EmbeddingWeights> embeddings;
  std::vector<LinearWeights> static_branch;
  LinearWeights head;
};

// Throws std::invalid_argument, naming the tensor that is missing, of another type or shape, or not finite.
NetworkWeights read_network(const TensorMap& tensors, const NetworkSizes& sizes);

}  // namespace ecg2lab
