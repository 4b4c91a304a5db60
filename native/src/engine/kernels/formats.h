// The numbers that a dense product multiplies: what `mix.h` asks of a format F, and fp32.
//
//   F::Vector            of the activations around the product
//   F::Sum               sums in a register
//   F::Activation, F::Weight
//   F::kGroup            G, inputs that one instruction multiplies and sums
//   F::begin(arguments, output)   the sum before the first product
//   F::load(weights)     G inputs of W outputs
//   F::broadcast(a)      G activations, for all outputs
//   F::add_product(sum, activations, weights)
//   F::finish(sum, arguments, row, output)
#pragma once

#include <cstddef>

#include "table.h"

namespace ecg2lab {
namespace {

template <class V>
struct SingleFormat {
  using Vector = V;
  using Sum = V;
  using Activation = float;
  using Weight = float;
  static constexpr std::size_t kGroup = 1;

  static V begin(const MixArguments& m, std::size_t output) { return V::load(m.bias + output); }
  static V load(const float* weights) { return V::load(weights); }
  static V broadcast(const float* activation) { return V::broadcast(*activation); }
  static V add_product(V sum, V activation, V weights) { return multiply_add(activation, weights, sum); }
  static V finish(V sum, const MixArguments&, std::size_t, std::size_t) { return sum; }
};

// Pairs in bfloat16. `Pairs` has the registers and the instruction. The factor of a gate cannot be in its weights: they
// would be rounded to other numbers.
template <class V, class Pairs>
struct Bfloat16Format {
  using Vector = V;
  using Sum = V;
  using Activation = std::uint16_t;
  using Weight = std::uint16_t;
  static constexpr std::size_t kGroup = 2;

  static V begin(const MixArguments&, std::size_t) { return V::zero(); }
  static auto load(const std::uint16_t* weights) { return Pairs::load(weights); }
  static auto broadcast(const std::uint16_t* activations) { return Pairs::broadcast(activations); }
  template <class Activations, class Weights>
  static V add_product(V sum, Activations activations, Weights weights) {
    return Pairs::add_product(sum, activations, weights);
  }
  static V finish(V sum, const MixArguments& m, std::size_t, std::size_t output) {
    return multiply_add(sum, V::load(m.scale + output), V::load(m.bias + output));
  }
};

// Fours in 8 bits. `Fours` has the registers of sums and operands, and the instruction.
template <class V, class Fours>
struct ByteFormat {
  using Vector = V;
  using Sum = typename Fours::Sum;
  using Activation = std::uint8_t;
  using Weight = std::int8_t;
  static constexpr std::size_t kGroup = 4;

  static Sum begin(const MixArguments& m, std::size_t output) { return Sum::load(m.start + output); }
  static auto load(const std::int8_t* weights) { return Fours::load(weights); }
  static auto broadcast(const std::uint8_t* activations) { return Fours::broadcast(activations); }
  template <class Activations, class Weights>
  static Sum add_product(Sum sum, Activations activations, Weights weights) {
    return Fours::add_product(sum, activations, weights);
  }
  static V finish(Sum sum, const MixArguments& m, std::size_t row, std::size_t output) {
    const V scaled = to_float(sum) * V::broadcast(m.row_scale[row]);
    return multiply_add(scaled, V::load(m.scale + output), V::load(m.bias + output));
  }
};

}  // namespace
}  // namespace ecg2lab
