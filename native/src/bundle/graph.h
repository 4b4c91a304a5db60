// The graphs of a bundle: what is read of an ONNX file, which is all that such a file may hold here.
//
// A graph computes, from inputs and constants, one value after another by operators of one list (operators.cpp). There
// are no branches, loops, functions, foreign operators or files beside it, and every size is known beforehand but that
// of the batch and, for steps, of the chunk of samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ecg2lab {

// What the export writes, and readers of ONNX from 2022 on take.
inline constexpr std::int64_t kOpset = 17, kIrVersion = 8;

// Goes on from the name of a graph: "has the operator Loop, which …".
class GraphError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// Element types of `TensorProto`.
enum class Element { undefined = 0, float32 = 1, uint8 = 2, int8 = 3, int64 = 7, float16 = 10, bfloat16 = 16 };

// Rows of a matrix and the like, from the outermost.
using Sizes = std::vector<std::int64_t>;
inline constexpr std::int64_t kFree = -1;  // a size that is not known beforehand

struct Attribute {
  enum class Kind { undefined = 0, real = 1, whole = 2, list = 7 };  // types of `AttributeProto`

  std::string_view name;
  Kind kind;
  Sizes numbers;  // whole: one; real: none is kept
};

struct Node {
  std::string_view operation;
  std::vector<std::size_t> inputs;  // by their position among all values
  std::size_t output;
  std::vector<Attribute> attributes;
};

// An input or output of the graph.
struct Port {
  std::string_view name;
  Element element;
  Sizes sizes;
  std::size_t value;
};

struct Constant {
  Element element;
  Sizes sizes;
  std::span<const std::byte> numbers;
  std::size_t value;
};

// Views into the file. Values are numbered: inputs, constants, then one for each node.
struct Graph {
  std::vector<Port> inputs, outputs;
  std::vector<Constant> constants;
  std::vector<Node> nodes;  // each after those whose values it takes
  std::size_t values = 0;

  const Port* find(std::string_view name) const;  // among inputs and outputs
  // Of the dense products: "fp32", "fp16", "bf16" or "int8".
  const char* precision() const;
};

// Throws GraphError if the file is no ONNX model or holds what no graph of a bundle may.
Graph read_graph(std::span<const std::byte> model);

// Whether every value has a size that the operators allow, and none is too large. A graph with a free chunk of samples
// is tried with every length from 1 to `most_samples`; of a window graph it is 0.
// Throws GraphError.
void check_sizes(const Graph& graph, std::int64_t most_samples);

// Whether every table that is looked into has a row for each code of its column, and nothing else is looked up: not
// every runtime refuses to read beyond a table's end. `categorical` is the value that holds the codes. Throws
// GraphError.
void check_codes(const Graph& graph, std::size_t categorical, const std::vector<std::size_t>& codes_per_column);

}  // namespace ecg2lab
