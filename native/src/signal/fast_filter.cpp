#include "signal/fast_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace ecg2lab {
namespace {

// Frames of even number (0) or odd number (1).
std::vector<double> every_other(std::span<const double> weights, std::size_t frame, std::size_t parity) {
  std::vector<double> half;
  for (std::size_t k = parity * frame; k + frame <= weights.size(); k += 2 * frame) {
    half.insert(half.end(), weights.begin() + static_cast<std::ptrdiff_t>(k),
                weights.begin() + static_cast<std::ptrdiff_t>(k + frame));
  }
  return half;
}

// From both ends towards the largest weight: sums stay small until the last terms, and with them what single precision
// loses; and memory is read as it lies.
std::vector<FastFilter::Weight> order_weights(std::span<const double> weights, std::size_t frame) {
  const auto largest = static_cast<std::size_t>(
      std::max_element(weights.begin(), weights.end(), [](double a, double b) { return std::abs(a) < std::abs(b); }) -
      weights.begin());
  std::vector<FastFilter::Weight> ordered;
  const auto push = [&](std::size_t i) {
    const auto weight = static_cast<float>(weights[i]);
    if (weight == 0) return;
    ordered.push_back({static_cast<std::uint16_t>(i % frame), static_cast<std::uint16_t>(i / frame), weight});
  };
  for (std::size_t i = 0; i < largest; ++i) push(i);
  for (std::size_t i = weights.size(); i-- > largest;) push(i);
  return ordered;
}

void add(float* to, const float* other, std::size_t length) {
  for (std::size_t i = 0; i < length; ++i) to[i] += other[i];
}

std::size_t round_up(std::size_t count, std::size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

}  // namespace

FastFilter::FastFilter(std::span<const double> weights, const FrameShape& shape) {
  split(weights, shape.frame, shape.levels);
}

void FastFilter::split(std::span<const double> weights, std::size_t frame, std::size_t levels) {
  if (levels == 0) {
    products_.push_back(order_weights(weights, frame));
    return;
  }
  const auto even = every_other(weights, frame, 0), odd = every_other(weights, frame, 1);
  std::vector<double> sum(even.size());
  std::transform(even.begin(), even.end(), odd.begin(), sum.begin(), [](double a, double b) { return a + b; });
  split(even, frame, levels - 1);
  split(sum, frame, levels - 1);
  split(odd, frame, levels - 1);
}

void FilterMemory::reset(std::size_t size) {
  taken_ = 0;
  if (size <= size_) return;
  numbers_.reset();
  size_ = 0;
  numbers_.reset(new (::operator new(size * sizeof(float), kCacheLine)) float[size]());
  size_ = size;
}

float* FilterMemory::take(std::size_t size) {
  taken_ += size;
  return numbers_.get() + (taken_ - size);
}

FilterMemories::~FilterMemories() {
  for (auto& place : idle_) delete place.load();
}

std::unique_ptr<FilterMemory> FilterMemories::take() {
  for (auto& place : idle_) {
    if (FilterMemory* const memory = place.exchange(nullptr)) return std::unique_ptr<FilterMemory>(memory);
  }
  return std::make_unique<FilterMemory>();
}

void FilterMemories::give_back(std::unique_ptr<FilterMemory> memory) {
  for (auto& place : idle_) {
    FilterMemory* nothing = nullptr;
    if (place.compare_exchange_strong(nothing, memory.get())) {
      memory.release();
      return;
    }
  }
}

FrameFilter::FrameFilter(const SignalKernels& kernels, const FrameShape& shape, std::size_t lanes, std::size_t blocks,
                         std::size_t most_filters, FilterMemory& memory)
    : kernels_(kernels),
      shape_(shape),
      lanes_(lanes),
      rows_(blocks + shape.window / shape.block()),
      length_(round_up(blocks * lanes, kGrain)) {
  if (lanes_ > 0 && array_size() / lanes_ > std::numeric_limits<std::uint32_t>::max() / lanes_) {
    throw std::invalid_argument("there are too many leads");
  }
  // One row beyond the last, which the last difference reads, and what a vector reads beyond the last result.
  const std::size_t slack = lanes_ + kGrain;
  const std::size_t frames = shape_.block() * array_size(), differences = (shape_.block() - 1) * array_size();
  const std::size_t products = most_filters * shape_.products() * length_;
  memory.reset(frames + differences + products + 2 * slack);
  frames_ = memory.take(frames + slack);
  std::fill_n(frames_ + frames, slack, 0.0F);
  differences_ = memory.take(differences + slack);
  std::fill_n(differences_ + differences, slack, 0.0F);
  products_ = memory.take(products);
}

void FrameFilter::run(std::span<const FastFilter* const> filters) {
  const std::size_t of_filter = shape_.products() * length_;
  filters_ = filters;
  product_ = 0;
  std::vector<const float*> arrays;
  for (std::size_t array = 0; array < shape_.block(); ++array) arrays.push_back(frames(array));
  split(arrays, shape_.levels);
  results_.clear();
  for (std::size_t filter = 0; filter < filters.size(); ++filter) {
    results_.push_back(merge(products_ + filter * of_filter, shape_.levels));
  }
}

// The arrays of each half-rate signal go the same way as the whole. The differences of a level need half as many arrays
// as the level above it: together one less than a block.
void FrameFilter::split(std::span<const float* const> arrays, std::size_t levels) {
  if (levels == 0) {
    multiply(arrays[0]);
    return;
  }
  const std::size_t half = arrays.size() / 2;
  float* const storage = differences_ + (shape_.block() - arrays.size()) * array_size();
  std::vector<const float*> odd, differences;
  for (std::size_t i = 0; i < half; ++i) {
    odd.push_back(arrays[2 * i + 1]);
    differences.push_back(storage + i * array_size());
  }
  for (std::size_t i = 0; i < half; ++i) {
    kernels_.subtract(arrays[2 * i], odd[i], storage + i * array_size(), array_size());
  }
  split(differences, levels - 1);
  split(odd, levels - 1);
  for (std::size_t i = 0; i < half; ++i) {
    const float* const next = i + 1 < half ? arrays[2 * i + 2] : arrays[0] + lanes_;
    kernels_.subtract(next, odd[i], storage + i * array_size(), array_size());
  }
  split(differences, levels - 1);
}

void FrameFilter::multiply(const float* frames) {
  for (std::size_t filter = 0; filter < filters_.size(); ++filter) {
    taps_.clear();
    for (const auto& [part, row, weight] : filters_[filter]->weights(product_)) {
      taps_.push_back({static_cast<std::uint32_t>((part * rows_ + row) * lanes_), weight});
    }
    kernels_.weighted_sum({.data = frames,
                           .taps = taps_,
                           .length = length_,
                           .out = products_ + (filter * shape_.products() + product_) * length_});
  }
  ++product_;
}

// In place: the first and the third product of each pair become the outputs of even and of odd number.
std::vector<float*> FrameFilter::merge(float* products, std::size_t levels) const {
  if (levels == 0) return {products};
  const std::size_t third = FrameShape{0, 0, levels - 1}.products() * length_;
  const auto even = merge(products, levels - 1), shared = merge(products + third, levels - 1),
             odd = merge(products + 2 * third, levels - 1);
  std::vector<float*> outputs;
  for (std::size_t i = 0; i < even.size(); ++i) {
    add(even[i], shared[i], length_);
    add(odd[i], shared[i], length_);
    outputs.push_back(even[i]);
    outputs.push_back(odd[i]);
  }
  return outputs;
}

}  // namespace ecg2lab
