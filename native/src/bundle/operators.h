// The operators that a graph of a bundle may have, and the sizes of what they compute
// (https://github.com/onnx/onnx/blob/main/docs/Operators.md, opset 17).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/graph.h"

namespace ecg2lab {

// Numbers of one tensor for one window: 128 MB in float32. The published network over 5000 samples has 8 million.
inline constexpr std::int64_t kMostElements = std::int64_t{1} << 25;
// Numbers of all tensors, and multiplications of all products, for one window.
inline constexpr std::int64_t kMostElementsInAll = std::int64_t{1} << 32, kMostProducts = std::int64_t{1} << 37;

inline constexpr std::size_t kMostDimensions = 8;

// Throws GraphError if there are too many sizes, one is negative or the tensor too large for any window.
std::int64_t count_elements(const Sizes& sizes);

// Throws GraphError, naming it, unless the operator is on the list; the domain of all that are is empty.
void require_listed(std::string_view operation, const std::string& domain);

// Throws GraphError unless a listed operator has so many inputs as it has there, and only such attributes.
void require_signature(const Node& node);

// What is known of a value before the graph runs.
struct Known {
  Sizes sizes;
  // Of whole numbers that follow from sizes and constants, such as the shape that a reshape is given.
  std::optional<Sizes> numbers;
};

// Of the output of a node that `require_listed` let pass. Adds the multiplications of a product to `products`.
// Throws GraphError if its inputs do not fit it, or if its size depends on what the signal is.
Known infer(const Node& node, const std::vector<const Known*>& inputs, std::int64_t& products);

}  // namespace ecg2lab
