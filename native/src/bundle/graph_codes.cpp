// Tables of a graph, and what is looked up in them.
#include <cstring>
#include <map>

#include "bundle/graph.h"

namespace ecg2lab {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw GraphError("has the operator Gather " + why); }

std::int64_t axis_of(const Node& node) {
  for (const Attribute& attribute : node.attributes) {
    if (attribute.name == "axis") return attribute.numbers.front();
  }
  return 0;
}

std::vector<std::int64_t> numbers_of(const Constant& constant) {
  if (constant.element != Element::int64) refuse("with indices that are no whole numbers");
  std::vector<std::int64_t> numbers(constant.numbers.size() / sizeof(std::int64_t));
  std::memcpy(numbers.data(), constant.numbers.data(), constant.numbers.size());
  return numbers;
}

}  // namespace

void check_codes(const Graph& graph, std::size_t categorical, const std::vector<std::size_t>& codes_per_column) {
  std::map<std::size_t, const Constant*> constants;
  for (const Constant& constant : graph.constants) constants.emplace(constant.value, &constant);
  std::map<std::size_t, std::size_t> columns;  // of the codes, by the value that holds them
  for (const Node& node : graph.nodes) {
    if (node.operation != "Gather") continue;
    const std::size_t table = node.inputs[0], index = node.inputs[1];
    if (table == categorical) {
      const auto place = constants.find(index);
      const auto numbers = place == constants.end() ? Sizes{} : numbers_of(*place->second);
      if (axis_of(node) != 1 || numbers.size() != 1 || numbers[0] < 0 ||
          numbers[0] >= static_cast<std::int64_t>(codes_per_column.size())) {
        refuse("that takes no single column of the codes");
      }
      columns.emplace(node.output, static_cast<std::size_t>(numbers[0]));
      continue;
    }
    const auto rows = constants.find(table);
    const auto column = columns.find(index);
    if (rows == constants.end() || column == columns.end() || axis_of(node) != 0 || rows->second->sizes.empty()) {
      refuse("that looks up something else than a code in a table");
    }
    const auto codes = static_cast<std::int64_t>(codes_per_column[column->second]);
    if (rows->second->sizes[0] != codes) {
      refuse("with a table of " + std::to_string(rows->second->sizes[0]) + " rows for " + std::to_string(codes) +
             " codes of the contract");
    }
  }
}

}  // namespace ecg2lab
