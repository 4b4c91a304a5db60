// The dense product of a layer in the precision and the order in which an instruction set multiplies.
//
// Glossary: H channels, in blocks of W that the last one pads with zeros; a panel makes W values and their W gates;
// G inputs are multiplied by one instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/aligned.h"
#include "engine/kernels/table.h"

namespace ecg2lab {

class PackedProduct {
 public:
  // `weight` is (2H H), `bias` (2H): values first, then gates.
  PackedProduct(const Product& product, std::span<const float> weight, std::span<const float> bias,
                std::size_t channels);

  const Product& product() const { return *product_; }
  // Everything that belongs to a panel; activations, rows and residual are the caller's.
  MixArguments panel(std::size_t index) const;

 private:
  struct Place;
  void pack_single(const Place& place, std::span<const float> weight, float bias);
  void pack_bfloat16(const Place& place, std::span<const float> weight, float bias);
  void pack_bytes(const Place& place, std::span<const float> weight, float bias);
  template <class Weight>
  Weight* row(const Place& place);
  std::size_t offset(std::size_t input) const;

  const Product* product_;
  std::size_t width_, blocks_, weight_size_;
  AlignedVector<std::byte> weights_;   // (panels, H/G, 2, W, G)
  AlignedFloats bias_, scale_;         // (panels, 2W)
  AlignedVector<std::int32_t> start_;  // (panels, 2W)
};

}  // namespace ecg2lab
