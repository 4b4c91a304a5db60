#include "engine/packed_product.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "engine/kernels/reduce.h"

namespace ecg2lab {
namespace {

// The sigmoid of a gate is taken as 1 / (1 + 2^g), so that g is the gate times this.
constexpr float kGate = -std::numbers::log2e_v<float>;

std::size_t size_of_weight(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return sizeof(std::uint16_t);
    case Precision::int8:
      return sizeof(std::int8_t);
    default:
      return sizeof(float);
  }
}

}  // namespace

// Where an output lies.
struct PackedProduct::Place {
  std::size_t panel, lane;
  bool gate;
  std::size_t width;

  float factor() const { return gate ? kGate : 1.0f; }
  std::size_t output() const { return (panel * 2 + gate) * width + lane; }
};

PackedProduct::PackedProduct(const Product& product, std::span<const float> weight, std::span<const float> bias,
                             std::size_t channels)
    : product_(&product),
      width_(product.kernels->width),
      blocks_((channels + width_ - 1) / width_),
      weight_size_(size_of_weight(product.precision)),
      weights_(blocks_ * blocks_ * width_ * 2 * width_ * weight_size_),
      bias_(blocks_ * 2 * width_),
      scale_(bias_.size()),
      start_(bias_.size()) {
  for (std::size_t output = 0; output < 2 * channels; ++output) {
    const std::size_t h = output % channels;
    const Place place{h / width_, h % width_, output >= channels, width_};
    const auto row = weight.subspan(output * channels, channels);
    switch (product.precision) {
      case Precision::fp32:
        pack_single(place, row, bias[output]);
        break;
      case Precision::bf16:
        pack_bfloat16(place, row, bias[output]);
        break;
      case Precision::int8:
        pack_bytes(place, row, bias[output]);
        break;
    }
  }
}

// First weight of an output.
template <class Weight>
Weight* PackedProduct::row(const Place& place) {
  const std::size_t panel = place.panel * blocks_ * width_ * 2 * width_;
  return reinterpret_cast<Weight*>(weights_.data()) + panel + (place.gate * width_ + place.lane) * product_->group;
}

// From the first weight of an output to that of an input.
std::size_t PackedProduct::offset(std::size_t input) const {
  const std::size_t group = product_->group;
  return input / group * 2 * width_ * group + input % group;
}

void PackedProduct::pack_single(const Place& place, std::span<const float> weight, float bias) {
  float* const to = row<float>(place);
  for (std::size_t k = 0; k < weight.size(); ++k) to[offset(k)] = weight[k] * place.factor();
  bias_[place.output()] = bias * place.factor();
}

void PackedProduct::pack_bfloat16(const Place& place, std::span<const float> weight, float bias) {
  std::uint16_t* const to = row<std::uint16_t>(place);
  for (std::size_t k = 0; k < weight.size(); ++k) to[offset(k)] = to_bfloat16(weight[k]);
  bias_[place.output()] = bias * place.factor();
  scale_[place.output()] = place.factor();
}

// As `export/ecg2lab_export/precision/passes/integer.py` does it: what the offset of the activations adds to a sum is a
// constant of the output, and taken off its bias.
void PackedProduct::pack_bytes(const Place& place, std::span<const float> weight, float bias) {
  std::int8_t* const to = row<std::int8_t>(place);
  float largest = 0;
  for (const float w : weight) largest = std::max(largest, std::abs(w));
  const float scale = largest > 0 ? largest / 127.0f : 1.0f;
  std::int32_t total = 0;
  for (std::size_t k = 0; k < weight.size(); ++k) {
    const float level = std::clamp(std::nearbyint(weight[k] / scale), -127.0f, 127.0f);
    to[offset(k)] = static_cast<std::int8_t>(level);
    total += static_cast<std::int32_t>(level);
  }
  const double shift = static_cast<double>(kActivationOffset) * static_cast<double>(scale) * total;
  bias_[place.output()] = static_cast<float>(static_cast<double>(bias) - shift) * place.factor();
  scale_[place.output()] = scale * place.factor();
  start_[place.output()] = product_->signed_bytes ? 128 * total : 0;
}

MixArguments PackedProduct::panel(std::size_t index) const {
  return {.activations = nullptr,
          .block_stride = 0,
          .blocks = blocks_,
          .weights = &weights_[index * blocks_ * width_ * 2 * width_ * weight_size_],
          .bias = &bias_[index * 2 * width_],
          .scale = &scale_[index * 2 * width_],
          .start = &start_[index * 2 * width_],
          .row_scale = nullptr,
          .residual = nullptr,
          .rows = 0};
}

}  // namespace ecg2lab
