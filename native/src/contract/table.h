// Every field of the contract, with what it is held to: for whoever reads or writes them all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contract/contract.h"

namespace ecg2lab {

// What a field is held to; where nothing is said it may be anything of its type.
struct NumberRule {
  std::optional<double> above, least, below, most;
};
struct IntegerRule {
  std::optional<std::int64_t> above, least, below, most;
};
struct TextRule {
  std::size_t shortest;
  std::optional<std::size_t> longest;
};
using Words = std::vector<std::string>;
using Numbers = std::vector<std::int64_t>;
struct StructRule {};
template <typename Rule>
struct ListRule {
  std::size_t fewest;
  Rule item;
};
template <typename Rule>
ListRule(int, Rule) -> ListRule<Rule>;

// With the only unit that its name allows.
struct KnownNumber {
  std::string_view name, unit;
};
struct StandardLimit {
  std::string_view name;
  std::optional<double> warn, refuse;
};

// `visit_fields(structure, visitor)` calls, in the order of the fields,
//   visitor.required(name, member, rule)
//   visitor.optional(name, member, rule)             absent: none, an empty list, or a structure of defaults
//   visitor.optional(name, member, rule, otherwise)
//   visitor.constant(name, rule)                     of one value, that no member keeps
#include "contract/table.inc"

}  // namespace ecg2lab
