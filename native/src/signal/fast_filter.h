// Decimating filters by fewer multiplications than they have weights.
//
// Glossary: M samples of a frame; K frames that a filter covers; lane one lead; X[n] frame n; h[k] the M weights for
// the k-th frame of a window, y[m] = Σ_k h[k]·X[m+k] one output for each frame.
//
// Outputs and frames of even and odd number make a product of a 2×2 matrix with a vector, of which three
// multiplications are enough instead of four (the fast FIR algorithm of Mou and Duhamel, IEEE Trans. Signal Processing
// 39, 1991, 1322):
//   y[2m]   = Σ_l (X[2m+2l] - X[2m+2l+1]) h[2l] + Σ_l X[2m+2l+1] (h[2l] + h[2l+1])
//   y[2m+1] = Σ_l (X[2m+2l+2] - X[2m+2l+1]) h[2l+1] + the same second sum
// Each sum is a filter of half the length at half the rate, and can be split in the same way: `levels` times, 3^levels
// products for each block of 2^levels outputs. Frames are subtracted before they are weighted, so that slow signals
// lose nothing; and an output reads no frame outside its own window, not even to cancel it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "signal/kernels/table.h"

namespace ecg2lab {

struct FrameShape {
  std::size_t frame;   // M
  std::size_t window;  // K; a multiple of 2^levels
  std::size_t levels;

  std::size_t block() const { return std::size_t{1} << levels; }  // outputs of a block
  std::size_t products() const { return levels == 0 ? 1 : 3 * FrameShape{0, 0, levels - 1}.products(); }
};

// The weights of one filter, split.
class FastFilter {
 public:
  // `weights` (K, M).
  FastFilter(std::span<const double> weights, const FrameShape& shape);

  // One weight: of a number of a frame, in one row of an array.
  struct Weight {
    std::uint16_t part;
    std::uint16_t row;
    float weight;
  };
  std::span<const Weight> weights(std::size_t product) const { return products_[product]; }

 private:
  void split(std::span<const double> weights, std::size_t frame, std::size_t levels);

  std::vector<std::vector<Weight>> products_;
};

// Memory for one FrameFilter after the other: it grows and is kept, because fresh pages cost as much as the filtering.
// Not with a thread: that would keep it, and the library loaded, until the thread ends.
class FilterMemory {
 public:
  // Takes everything back, and makes room for `size` floats.
  void reset(std::size_t size);
  // With anything in it, but numbers: zeros, or those of an earlier filter.
  float* take(std::size_t size);

 private:
  static constexpr std::align_val_t kCacheLine{64};
  struct Free {
    void operator()(float* numbers) const { ::operator delete(numbers, kCacheLine); }
  };

  std::unique_ptr<float[], Free> numbers_;
  std::size_t size_ = 0, taken_ = 0;
};

// Memories that nobody uses; any number of threads may take and give back. Of more than are kept some are made anew.
class FilterMemories {
 public:
  FilterMemories() = default;
  ~FilterMemories();
  FilterMemories(const FilterMemories&) = delete;
  FilterMemories& operator=(const FilterMemories&) = delete;

  std::unique_ptr<FilterMemory> take();
  void give_back(std::unique_ptr<FilterMemory> memory);

 private:
  std::array<std::atomic<FilterMemory*>, 8> idle_{};  // no lock: a process that is forked off may find it held
};

// Frames of some consecutive blocks, and filters over them. Frame n is row n / 2^levels of array n mod 2^levels.
class FrameFilter {
 public:
  // Up to `most_filters` are run; the memory belongs to this alone while it lives.
  // Throws std::invalid_argument if there are too many lanes for their numbers to be counted in 32 bits.
  FrameFilter(const SignalKernels& kernels, const FrameShape& shape, std::size_t lanes, std::size_t blocks,
              std::size_t most_filters, FilterMemory& memory);

  std::size_t lanes() const { return lanes_; }
  // Rows of an array: what `blocks` blocks of outputs read.
  std::size_t rows() const { return rows_; }
  // (M, rows, lanes): what `run` is to filter must be written there. A lane does not touch another.
  float* frames(std::size_t array) { return frames_ + array * array_size(); }

  void run(std::span<const FastFilter* const> filters);
  // (blocks, lanes): outputs `array`, `array` + 2^levels, … of a filter.
  const float* outputs(std::size_t filter, std::size_t array) const { return results_[filter][array]; }

 private:
  std::size_t array_size() const { return shape_.frame * rows_ * lanes_; }
  void split(std::span<const float* const> arrays, std::size_t levels);
  void multiply(const float* frames);
  std::vector<float*> merge(float* products, std::size_t levels) const;

  const SignalKernels& kernels_;
  FrameShape shape_;
  std::size_t lanes_, rows_, length_;  // length of a result, whole vectors
  float *frames_, *differences_, *products_;
  std::span<const FastFilter* const> filters_;
  std::vector<Tap> taps_;
  std::size_t product_ = 0;
  std::vector<std::vector<float*>> results_;
};

}  // namespace ecg2lab
