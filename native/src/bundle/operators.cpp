#include "bundle/operators.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ecg2lab {
namespace {

constexpr std::int64_t kMostNumbers = 64;                       // that are followed as values of a tensor
constexpr std::int64_t kLargestNumber = std::int64_t{1} << 31;  // among them

// One operator with its inputs, by whose name it is refused.
class Call {
 public:
  Call(const Node& node, const std::vector<const Known*>& inputs, std::int64_t& products)
      : node_(node), inputs_(inputs), products_(products) {}

  [[noreturn]] void refuse(const std::string& why) const {
    throw GraphError("has the operator " + std::string(node_.operation) + " " + why);
  }

  void require(bool fits) const {
    if (!fits) refuse("with inputs that do not fit it");
  }

  std::size_t count() const { return inputs_.size(); }
  const Sizes& sizes(std::size_t input) const { return inputs_[input]->sizes; }
  std::int64_t rank(std::size_t input) const { return static_cast<std::int64_t>(sizes(input).size()); }
  const std::optional<Sizes>& maybe_numbers(std::size_t input) const { return inputs_[input]->numbers; }

  const Sizes& numbers(std::size_t input) const {
    const auto& numbers = inputs_[input]->numbers;
    if (!numbers) refuse("whose sizes cannot be known before it runs");
    return *numbers;
  }

  std::int64_t attribute(std::string_view name, std::int64_t otherwise) const {
    const Attribute* attribute = find(name);
    return attribute == nullptr ? otherwise : attribute->numbers.front();
  }

  Sizes list(std::string_view name, const Sizes& otherwise) const {
    const Attribute* attribute = find(name);
    return attribute == nullptr ? otherwise : attribute->numbers;
  }

  // Counted from the front.
  std::size_t axis(std::int64_t axis, std::int64_t rank) const {
    require(-rank <= axis && axis < rank);
    return static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  }

  void multiplies(std::int64_t outputs, std::int64_t terms) const {
    if (terms > 0 && outputs > (kMostProducts * kManyWindows - products_) / terms) {
      refuse("that multiplies more than any window needs");
    }
    products_ += outputs * terms;
  }

 private:
  // Sizes are tried with many windows at once, too.
  static constexpr std::int64_t kManyWindows = 1024;

  const Attribute* find(std::string_view name) const {
    for (const Attribute& attribute : node_.attributes) {
      if (attribute.name == name) return &attribute;
    }
    return nullptr;
  }

  const Node& node_;
  const std::vector<const Known*>& inputs_;
  std::int64_t& products_;
};

std::int64_t product(const Sizes& sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return count;
}

// Dimensions are aligned at the last one; one of size 1 is repeated.
Sizes broadcast(const Call& call, const Sizes& a, const Sizes& b) {
  const Sizes &more = a.size() < b.size() ? b : a, &fewer = a.size() < b.size() ? a : b;
  Sizes sizes = more;
  for (std::size_t i = 0; i < fewer.size(); ++i) {
    std::int64_t& size = sizes[more.size() - fewer.size() + i];
    call.require(size == fewer[i] || size == 1 || fewer[i] == 1);
    if (size == 1) size = fewer[i];
  }
  return sizes;
}

Known as_input(const Call& call) { return {call.sizes(0), {}}; }

Known elementwise(const Call& call) { return {broadcast(call, call.sizes(0), call.sizes(1)), {}}; }

// Small whole numbers, of which sizes are computed, are computed here, too.
template <std::int64_t (*compute)(const Call&, std::int64_t, std::int64_t)>
Known arithmetic(const Call& call) {
  Known known = elementwise(call);
  if (!call.maybe_numbers(0) || !call.maybe_numbers(1)) return known;
  const Sizes &a = *call.maybe_numbers(0), &b = *call.maybe_numbers(1);
  known.numbers.emplace();
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::int64_t x = a[a.size() == 1 ? 0 : i], y = b[b.size() == 1 ? 0 : i];
    call.require(std::max({x, -x, y, -y}) <= kLargestNumber);
    known.numbers->push_back(compute(call, x, y));
  }
  return known;
}

std::int64_t add(const Call&, std::int64_t x, std::int64_t y) { return x + y; }
std::int64_t subtract(const Call&, std::int64_t x, std::int64_t y) { return x - y; }
std::int64_t multiply(const Call&, std::int64_t x, std::int64_t y) { return x * y; }
std::int64_t divide(const Call& call, std::int64_t x, std::int64_t y) {
  call.require(x >= 0 && y > 0);
  return x / y;
}
std::int64_t remainder(const Call& call, std::int64_t x, std::int64_t y) {
  call.require(x >= 0 && y > 0);
  return x % y;
}

Known concat(const Call& call) {
  const std::size_t axis = call.axis(call.attribute("axis", 0), call.rank(0));
  Known known{call.sizes(0), call.maybe_numbers(0)};
  for (std::size_t i = 1; i < call.count(); ++i) {
    Sizes sizes = call.sizes(i);
    call.require(call.rank(i) == call.rank(0));
    known.sizes[axis] += sizes[axis];
    sizes[axis] = known.sizes[axis];
    call.require(sizes == known.sizes);
    const auto& more = call.maybe_numbers(i);
    if (known.numbers && more) known.numbers->insert(known.numbers->end(), more->begin(), more->end());
    if (!more) known.numbers.reset();
  }
  return known;
}

Known gather(const Call& call) {
  Sizes sizes = call.sizes(0);
  const auto place = sizes.begin() + static_cast<std::ptrdiff_t>(call.axis(call.attribute("axis", 0), call.rank(0)));
  const Sizes& indices = call.sizes(1);
  sizes.insert(sizes.erase(place), indices.begin(), indices.end());
  return {sizes, {}};
}

Known gemm(const Call& call) {
  call.require(call.rank(0) == 2 && call.rank(1) == 2);
  const bool turn_a = call.attribute("transA", 0) != 0, turn_b = call.attribute("transB", 0) != 0;
  const std::int64_t rows = call.sizes(0)[turn_a], inner = call.sizes(0)[!turn_a], columns = call.sizes(1)[!turn_b];
  call.require(inner == call.sizes(1)[turn_b]);
  const Sizes sizes{rows, columns};
  if (call.count() > 2) call.require(broadcast(call, sizes, call.sizes(2)) == sizes);
  call.multiplies(count_elements(sizes), inner);
  return {sizes, {}};
}

Known matrix_product(const Call& call) {
  Sizes a = call.sizes(0), b = call.sizes(1);
  call.require(a.size() >= 2 && b.size() >= 2);
  const std::int64_t columns = b.back(), inner = a.back(), rows = a[a.size() - 2];
  call.require(b[b.size() - 2] == inner);
  a.resize(a.size() - 2), b.resize(b.size() - 2);
  Sizes sizes = broadcast(call, a, b);
  sizes.insert(sizes.end(), {rows, columns});
  call.multiplies(count_elements(sizes), inner);
  return {sizes, {}};
}

// Of any number of dimensions behind batch and channels.
Known convolution(const Call& call) {
  const Sizes &x = call.sizes(0), &w = call.sizes(1);
  call.require(x.size() >= 3 && x.size() == w.size());
  const std::size_t spatial = x.size() - 2;
  const std::int64_t group = call.attribute("group", 1);
  call.require(0 < group && group <= kMostElements && w[0] % group == 0 && x[1] == w[1] * group);
  if (call.count() > 2) call.require(call.sizes(2) == Sizes{w[0]});
  const Sizes ones(spatial, 1), zeros(2 * spatial, 0), kernel(w.begin() + 2, w.end());
  const Sizes pads = call.list("pads", zeros), strides = call.list("strides", ones),
              gaps = call.list("dilations", ones);
  call.require(call.list("kernel_shape", kernel) == kernel && pads.size() == 2 * spatial && strides.size() == spatial &&
               gaps.size() == spatial);
  Sizes sizes{x[0], w[0]};
  for (std::size_t i = 0; i < spatial; ++i) {
    const std::array all{pads[i], pads[spatial + i], strides[i], gaps[i]};
    call.require(*std::min_element(all.begin(), all.end()) >= 0 && strides[i] > 0 && gaps[i] > 0 &&
                 *std::max_element(all.begin(), all.end()) <= kMostElements);
    const std::int64_t room = x[i + 2] + pads[i] + pads[spatial + i] - gaps[i] * (kernel[i] - 1) - 1;
    call.require(room >= 0);
    sizes.push_back(room / strides[i] + 1);
  }
  call.multiplies(count_elements(sizes), w[1] * product(kernel));
  return {sizes, {}};
}

Known normalisation(const Call& call) {
  for (const std::size_t input : {1, 2}) {
    call.require(broadcast(call, call.sizes(0), call.sizes(input)) == call.sizes(0));
  }
  return as_input(call);
}

Known pad(const Call& call) {
  Sizes sizes = call.sizes(0);
  const Sizes& pads = call.numbers(1);
  call.require(pads.size() == 2 * sizes.size());
  for (std::size_t i = 0; i < pads.size(); ++i) {
    call.require(0 <= pads[i] && pads[i] <= kMostElements);
    sizes[i % sizes.size()] += pads[i];
  }
  return {sizes, {}};
}

Known reduce(const Call& call, const Sizes& axes) {
  const bool keep = call.attribute("keepdims", 1) != 0;
  std::vector<bool> gone(call.sizes(0).size());
  for (const std::int64_t axis : axes) gone[call.axis(axis, call.rank(0))] = true;
  Sizes sizes;
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i]) sizes.push_back(call.sizes(0)[i]);
    if (gone[i] && keep) sizes.push_back(1);
  }
  return {sizes, {}};
}

Known reduce_by_attribute(const Call& call) { return reduce(call, call.list("axes", {})); }
Known reduce_by_input(const Call& call) { return reduce(call, call.numbers(1)); }

// 0 copies a size; one -1 takes what is left.
Known reshape(const Call& call) {
  Sizes sizes = call.numbers(1);
  const std::int64_t all = product(call.sizes(0));
  std::int64_t others = 1;
  std::optional<std::size_t> rest;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) {
      call.require(i < call.sizes(0).size());
      sizes[i] = call.sizes(0)[i];
    }
    if (sizes[i] == -1) {
      call.require(!rest);
      rest = i;
    } else {
      call.require(0 < sizes[i] && sizes[i] <= all / others);
      others *= sizes[i];
    }
  }
  if (rest) sizes[*rest] = all / others;
  call.require(product(sizes) == all);
  return {sizes, {}};
}

Known shape(const Call& call) { return {{call.rank(0)}, call.sizes(0)}; }

// Without steps; bounds beyond the ends are the ends, and below zero they count from behind.
Known slice(const Call& call) {
  Known known{call.sizes(0), {}};
  const Sizes &starts = call.numbers(1), &ends = call.numbers(2);
  Sizes axes;
  for (std::size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  if (call.count() > 3) axes = call.numbers(3);
  call.require(starts.size() == ends.size() && starts.size() == axes.size());
  std::vector<bool> sliced(known.sizes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = call.axis(axes[i], call.rank(0));
    call.require(!sliced[axis]);
    sliced[axis] = true;
    std::int64_t& size = known.sizes[axis];
    const auto place = [&](std::int64_t bound) {
      return std::clamp<std::int64_t>(bound < 0 ? bound + size : bound, 0, size);
    };
    const std::int64_t start = place(starts[i]), end = place(ends[i]);
    if (const auto& numbers = call.maybe_numbers(0); numbers && known.sizes.size() == 1 && start <= end) {
      const auto number = [&](std::int64_t at) { return numbers->begin() + static_cast<std::ptrdiff_t>(at); };
      known.numbers.emplace(number(start), number(end));
    }
    size = std::max<std::int64_t>(end - start, 0);
  }
  return known;
}

Known transpose(const Call& call) {
  const Sizes order = call.list("perm", {});
  call.require(order.size() == call.sizes(0).size());
  std::vector<bool> taken(order.size());
  Sizes sizes;
  for (const std::int64_t from : order) {
    const std::size_t axis = call.axis(from, call.rank(0));
    call.require(!taken[axis]);
    taken[axis] = true;
    sizes.push_back(call.sizes(0)[axis]);
  }
  return {sizes, {}};
}

Known unsqueeze(const Call& call) {
  Sizes sizes = call.sizes(0), axes = call.numbers(1);
  const std::int64_t rank = call.rank(0) + static_cast<std::int64_t>(axes.size());
  for (std::int64_t& axis : axes) axis = static_cast<std::int64_t>(call.axis(axis, rank));
  std::sort(axes.begin(), axes.end());
  call.require(std::adjacent_find(axes.begin(), axes.end()) == axes.end());
  for (const std::int64_t axis : axes) sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return {sizes, {}};
}

using Kind = Attribute::Kind;

struct AttributeRule {
  std::string_view name;
  Kind kind = Kind::whole;
};

struct Operator {
  std::string_view name;
  std::size_t fewest_inputs, most_inputs;
  Known (*infer)(const Call&);
  std::array<AttributeRule, 5> attributes = {};
};

constexpr std::size_t kAnyNumber = 4096;

// The list: what the export makes, in every form and precision, and the convolution of which other networks are made.
constexpr std::array<Operator, 26> kOperators{{
    {"Add", 2, 2, arithmetic<add>},
    {"Cast", 1, 1, as_input, {{{"to"}}}},
    {"Concat", 1, kAnyNumber, concat, {{{"axis"}}}},
    {"Conv",
     2,
     3,
     convolution,
     {{{"dilations", Kind::list},
       {"group"},
       {"kernel_shape", Kind::list},
       {"pads", Kind::list},
       {"strides", Kind::list}}}},
    {"Div", 2, 2, arithmetic<divide>},
    {"Erf", 1, 1, as_input},
    {"Gather", 2, 2, gather, {{{"axis"}}}},
    {"Gemm", 2, 3, gemm, {{{"transA"}, {"transB"}}}},
    {"Identity", 1, 1, as_input},
    {"LayerNormalization", 3, 3, normalisation, {{{"axis"}, {"epsilon", Kind::real}}}},
    {"MatMul", 2, 2, matrix_product},
    {"MatMulInteger", 2, 2, matrix_product},
    {"Mod", 2, 2, arithmetic<remainder>},
    {"Mul", 2, 2, arithmetic<multiply>},
    {"Pad", 2, 2, pad},
    {"QuantizeLinear", 2, 2, as_input, {{{"axis"}}}},
    {"ReduceMax", 1, 1, reduce_by_attribute, {{{"axes", Kind::list}, {"keepdims"}}}},
    {"ReduceSum", 2, 2, reduce_by_input, {{{"keepdims"}}}},
    {"Relu", 1, 1, as_input},
    {"Reshape", 2, 2, reshape},
    {"Shape", 1, 1, shape},
    {"Sigmoid", 1, 1, as_input},
    {"Slice", 3, 4, slice},
    {"Sub", 2, 2, arithmetic<subtract>},
    {"Transpose", 1, 1, transpose, {{{"perm", Kind::list}}}},
    {"Unsqueeze", 2, 2, unsqueeze},
}};

const Operator* find_operator(std::string_view name) {
  const auto place =
      std::find_if(kOperators.begin(), kOperators.end(), [&](const Operator& o) { return o.name == name; });
  return place == kOperators.end() ? nullptr : &*place;
}

}  // namespace

std::int64_t count_elements(const Sizes& sizes) {
  if (sizes.size() > kMostDimensions) throw GraphError("has a tensor of too many dimensions");
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0) throw GraphError("has a tensor of negative size");
    if (size != 0 && count > kMostElements * 1024 / size) throw GraphError("has a tensor larger than any window needs");
    count *= size;
  }
  return count;
}

void require_listed(std::string_view operation, const std::string& domain) {
  if (find_operator(operation) != nullptr && domain.empty()) return;
  throw GraphError("has the operator " + (domain.empty() ? "" : domain + ".") + std::string(operation) +
                   ", which no graph of a bundle may have");
}

void require_signature(const Node& node) {
  const Operator* listed = find_operator(node.operation);
  for (const Attribute& attribute : node.attributes) {
    const bool fits = std::any_of(listed->attributes.begin(), listed->attributes.end(), [&](const AttributeRule& rule) {
      return !rule.name.empty() && rule.name == attribute.name && rule.kind == attribute.kind;
    });
    if (!fits) {
      throw GraphError("gives " + std::string(node.operation) + " the attribute '" + std::string(attribute.name) +
                       "', which no graph of a bundle may");
    }
  }
  if (node.inputs.size() < listed->fewest_inputs || node.inputs.size() > listed->most_inputs) {
    throw GraphError("has the operator " + std::string(node.operation) + " with " + std::to_string(node.inputs.size()) +
                     " inputs");
  }
}

Known infer(const Node& node, const std::vector<const Known*>& inputs, std::int64_t& products) {
  const Call call(node, inputs, products);
  Known known = find_operator(node.operation)->infer(call);
  if (count_elements(known.sizes) == 0) call.refuse("that computes an empty tensor");
  if (known.numbers && known.numbers->size() > kMostNumbers) known.numbers.reset();
  return known;
}

}  // namespace ecg2lab
