// A named array of a model's weights.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ecg2lab {

// A view: whoever gave it owns the numbers.
struct Tensor {
  enum class Type { f64, f32, f16, i64, i32, i8, u8, boolean };

  Type type;
  std::vector<std::size_t> shape;  // empty: one number
  const std::byte* data;           // row-major, little-endian, at an address that fits the type
};

using TensorMap = std::map<std::string, Tensor>;

}  // namespace ecg2lab
