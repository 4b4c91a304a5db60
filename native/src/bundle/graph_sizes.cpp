// Every size of a graph, tried with numbers: for one window and for many, and with each length of a step.
#include <algorithm>
#include <cstring>

#include "bundle/graph.h"
#include "bundle/operators.h"

namespace ecg2lab {
namespace {

constexpr std::int64_t kManyWindows = 1024, kMostSamplesOfAStep = 256;
constexpr std::size_t kMostFollowed = 64;

// The first size of an input or output is that of the batch; another free one is that of the chunk of samples.
Sizes bind(const Sizes& sizes, std::int64_t windows, std::int64_t samples) {
  Sizes bound = sizes;
  for (std::size_t i = 0; i < bound.size(); ++i) {
    if (bound[i] == kFree) bound[i] = i == 0 ? windows : samples;
  }
  return bound;
}

std::optional<Sizes> whole_numbers(const Constant& constant) {
  const std::size_t count = constant.numbers.size() / sizeof(std::int64_t);
  if (constant.element != Element::int64 || constant.sizes.size() > 1 || count > kMostFollowed) return std::nullopt;
  Sizes numbers(count);
  std::memcpy(numbers.data(), constant.numbers.data(), constant.numbers.size());
  return numbers;
}

std::vector<Known> constants_of(const Graph& graph) {
  std::vector<Known> values(graph.values);
  for (const Constant& constant : graph.constants) {
    if (count_elements(constant.sizes) > kMostElements)
      throw GraphError("holds a constant larger than any network has");
    values[constant.value] = {constant.sizes, whole_numbers(constant)};
  }
  return values;
}

// Sizes of all values; `values` has those of the constants, and may have others of another length.
void compute(const Graph& graph, std::int64_t windows, std::int64_t samples, std::vector<Known>& values) {
  for (const Port& input : graph.inputs) values[input.value].sizes = bind(input.sizes, windows, samples);
  std::int64_t elements = 0, products = 0;
  std::vector<const Known*> inputs;
  for (const Node& node : graph.nodes) {
    inputs.clear();
    for (const std::size_t value : node.inputs) inputs.push_back(&values[value]);
    Known known = infer(node, inputs, products);
    const std::int64_t count = count_elements(known.sizes);
    elements += count;
    if (count > kMostElements * windows || elements > kMostElementsInAll * windows ||
        products > kMostProducts * windows) {
      throw GraphError("has the operator " + std::string(node.operation) + " that computes more than any window needs");
    }
    values[node.output] = std::move(known);
  }
  for (const Port& output : graph.outputs) {
    if (values[output.value].sizes != bind(output.sizes, windows, samples)) {
      throw GraphError("computes '" + std::string(output.name) + "' in another size than it says");
    }
  }
}

// Many windows need so many times what one needs, and no more: nothing multiplies windows with each other. What sizes
// are computed of is the length of a step and never the number of windows, so that no other number behaves otherwise.
void compare(const Graph& graph, const std::vector<Known>& one, const std::vector<Known>& many) {
  for (const Node& node : graph.nodes) {
    const Known &for_one = one[node.output], &for_many = many[node.output];
    const bool passed_on = node.operation == "Shape" || node.operation == "Slice" || node.operation == "Concat";
    const bool computed = for_one.numbers && !passed_on;
    if (count_elements(for_many.sizes) > kManyWindows * count_elements(for_one.sizes) ||
        (computed && for_one.numbers != for_many.numbers)) {
      throw GraphError("has the operator " + std::string(node.operation) + " that takes windows together");
    }
  }
}

}  // namespace

void check_sizes(const Graph& graph, std::int64_t most_samples) {
  if (most_samples > kMostSamplesOfAStep) {
    throw GraphError("takes steps of " + std::to_string(most_samples) + " samples; at most " +
                     std::to_string(kMostSamplesOfAStep) + " are allowed");
  }
  std::vector<Known> one = constants_of(graph), many = one;
  for (std::int64_t samples = std::min<std::int64_t>(most_samples, 1); samples <= most_samples; ++samples) {
    compute(graph, 1, samples, one);
    compute(graph, kManyWindows, samples, many);
    compare(graph, one, many);
  }
}

}  // namespace ecg2lab
