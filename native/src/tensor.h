// Arrays by name, as they lie in a file.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace ecg2lab {

struct Tensor {
  enum class Type { f64, f32, f16, i64, i32, i8, u8, boolean };
  Type type;
  std::vector<std::size_t> shape;
  const std::byte* data;  // row-major; belongs to somebody else
};

using TensorMap = std::map<std::string, Tensor>;

}  // namespace ecg2lab
