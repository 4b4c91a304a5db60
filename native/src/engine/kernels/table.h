// What the engine asks of an instruction set: a table of functions, chosen once when a model is loaded.
//
// Glossary: W channels of a vector, which are a *block*; K channels, rounded up to whole blocks; L samples. Activations
// are (block, time, W): a scan reads one block from end to end, and a product broadcasts single numbers of it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ecg2lab {

// x ← weights·signal + bias, for one block and every sample.
struct EncodeArguments {
  const float* signal;   // (leads, L)
  const float* weights;  // (leads, W)
  const float* bias;     // (W)
  std::size_t leads, samples;
  float* x;  // (L, W)
};

constexpr std::size_t kCascadeRows = 6;  // h, r, forward taps of w and e, backward taps of w and e

// y ← a layer's convolution of u by its Kautz cascade, for one block.
struct CascadeArguments {
  const float* packed;  // (S, kCascadeRows, W)
  const float* skip;    // (W)
  std::size_t sections, directions, samples;
  bool activate;   // GELU after it
  const float* u;  // (L, W)
  float* y;        // (L, W)
  float* pass;     // (L, W), what one group of sections hands to the next
};

// The same by chunks of T samples; `scan.h` has the equations.
struct ChunkedArguments {
  const float* taps;     // (2T-1, W)
  const float* change;   // (D, R, R, W)
  const float* enter;    // (D, T, R, W)
  const float* observe;  // (D, T, R, W)
  std::size_t states, directions, chunk, samples;
  bool activate;
  const float* u;  // (L, W)
  float* y;        // (L, W)
  float* state;    // (2, R, W), scratch
};

// Numbers that the dense product of a layer multiplies. Everything else is fp32.
//   bf16: activations and weights rounded to bfloat16, sums in float32.
//   int8: activations y ≈ s·q - 0.17 with q in 0 … 255 and a scale s for each row; weights w ≈ t·v with v in -127 … 127
//   and a scale t for each output; sums in 32-bit integers.
enum class Precision { fp32, bf16, int8 };

// x ← x + value·sigmoid(gate), with (value, gate) = weights·activations + bias, for one block of outputs. Activations
// and weights are of the precision: float, bfloat16 as std::uint16_t, or std::uint8_t and std::int8_t.
struct MixArguments {
  const void* activations;   // (K/W, time, W), from the first row on
  std::size_t block_stride;  // numbers from one block of activations to the next
  std::size_t blocks;        // K/W
  const void* weights;       // (K/G, 2W, G): G inputs of W values, then of W gates; G = 1 in fp32, 2 in bf16, 4 in int8
  const float* bias;         // (2W), alike
  const float* scale;        // (2W) with which sums are multiplied; not in fp32
  const std::int32_t* start;  // (2W) what sums begin with; int8 only
  const float* row_scale;     // (rows), with which sums are multiplied; int8 only
  float* residual;            // (time, W), from the first row on
  std::size_t rows;
};

// Activations of one block in bfloat16, to the nearest, ties to even.
struct RoundArguments {
  const float* from;  // (count)
  std::uint16_t* to;  // (count)
  std::size_t count;  // a multiple of W
};

// Activations of some rows in 8 bits.
struct QuantiseArguments {
  const float* from;  // (blocks, time, W), from the first row on
  std::uint8_t* to;   // alike
  std::size_t block_stride, blocks, rows;
  const float* mask;  // (W), as in StatisticsArguments
  float* row_scale;   // (rows)
};

// Mean and 1/deviation of each row over the channels.
struct StatisticsArguments {
  const float* x;  // (blocks, time, W), from the first row on; channels that do not exist are 0
  std::size_t block_stride, blocks, channels, rows;
  const float* mask;  // (W), 1 for the channels of the last block that exist, else 0
  float epsilon;
  float* mean;   // (rows)
  float* scale;  // (rows)
};

// LayerNorm of one block.
struct NormaliseArguments {
  const float* mean;    // (L)
  const float* scale;   // (L)
  const float* weight;  // (W)
  const float* bias;    // (W)
  std::size_t samples;
  float* x;  // (L, W), in place
};

// Mean over time of one block's LayerNorm.
struct PoolArguments {
  NormaliseArguments norm;  // of which x is only read
  float* pooled;            // (W)
};

// y ← weights·x + bias
struct DenseArguments {
  const float* weights;  // (outputs, inputs)
  const float* bias;     // (outputs)
  const float* x;        // (inputs)
  std::size_t inputs, outputs;
  float* y;
};

struct Kernels {
  const char* name;
  std::size_t width;  // W
  void (*encode)(const EncodeArguments&);
  void (*cascade)(const CascadeArguments&);
  void (*chunked)(const ChunkedArguments&);
  void (*statistics)(const StatisticsArguments&);
  void (*normalise)(const NormaliseArguments&);
  void (*pool)(const PoolArguments&);
  void (*dense)(const DenseArguments&);
  void (*round)(const RoundArguments&);
  void (*quantise)(const QuantiseArguments&);
};

// The product in one precision. Instructions for it may be missing where those of the table are not.
struct Product {
  const Kernels* kernels;  // to which its width belongs
  Precision precision;
  std::size_t group;      // G
  bool signed_bytes;      // takes an activation q as q - 128, so that sums begin with 128 times the sum of weights
  std::size_t tile_rows;  // rows of which a product is made at once; more rows than a multiple of it cost as much
  void (*mix)(const MixArguments&);
};

}  // namespace ecg2lab
