#include "bundle/bundle.h"

#include <algorithm>

#include "base/crc32.h"
#include "bindings.h"
#include "bundle/graph.h"
#include "bundle/safetensors.h"
#include "bundle/sha256.h"
#include "bundle/tolerances.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

std::span<const std::byte> view_bytes(const py::bytes& bytes) {
  const std::string_view text = bytes;
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

py::bytes to_bytes(std::span<const std::byte> content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

Bundle from_bytes(const py::bytes& content, const std::string& source) {
  AlignedBytes copy(view_bytes(content));
  const Unlocked unlocked;
  return {std::move(copy), source};
}

Bundle open(const py::bytes& path) {
  const std::string name = path;
  const Unlocked unlocked;
  return Bundle::open(name);
}

std::vector<std::string_view> names(const Bundle& bundle) {
  std::vector<std::string_view> member_names;
  for (const Member& member : bundle.members()) member_names.push_back(member.name);
  return member_names;
}

const char* dtype(Tensor::Type type) {
  switch (type) {
    case Tensor::Type::f64:
      return "f8";
    case Tensor::Type::f32:
      return "f4";
    case Tensor::Type::f16:
      return "f2";
    case Tensor::Type::i64:
      return "i8";
    case Tensor::Type::i32:
      return "i4";
    case Tensor::Type::i8:
      return "i1";
    case Tensor::Type::u8:
      return "u1";
    case Tensor::Type::boolean:
      return "?";
  }
  return "";
}

// Views of what `owner` keeps, and copies of what lies between addresses; none of them can be written.
py::dict to_arrays(const Safetensors& file, const py::object& owner) {
  py::dict arrays;
  for (const auto& [key, tensor] : file.tensors) {
    const auto moved = [&](const auto& each) { return each.get() == tensor.data; };
    const bool copied = std::any_of(file.moved.begin(), file.moved.end(), moved);
    py::array array(py::dtype(dtype(tensor.type)), tensor.shape, tensor.data, copied ? py::object() : owner);
    array.attr("setflags")("write"_a = false);
    arrays[py::str(key)] = array;
  }
  return arrays;
}

py::dict tensors(const py::object& self, const std::string& name) {
  const auto& bundle = self.cast<const Bundle&>();
  return to_arrays(read_safetensors(bundle.member(name), bundle.source() + ": " + name), self);
}

py::dict read_tensors(const py::bytes& content, const std::string& name) {
  return to_arrays(read_safetensors(view_bytes(content), name), content);
}

void check_graph(const py::bytes& model, std::int64_t most_samples) {
  check_sizes(read_graph(view_bytes(model)), most_samples);
}

}  // namespace

void bind_bundle(py::module_& module) {
  module.attr("LOGITS_IN_FULL") = kLogitsInFull, module.attr("FEATURES_IN_FULL") = kFeaturesInFull;
  module.attr("LOGITS_REDUCED") = kLogitsReduced, module.attr("FEATURES_REDUCED") = kFeaturesReduced;
  module.attr("UNPROVED_IN_FULL") = kUnprovedInFull, module.attr("OVER_GATE") = kOverGate;
  module.attr("ABSOLUTE_UP_TO") = kAbsoluteUpTo;
  py::class_<Bundle>(module, "Bundle")
      .def_static("open", &open, "path"_a)
      .def_static("from_bytes", &from_bytes, "content"_a, "source"_a = "bundle")
      .def_property_readonly("source", &Bundle::source)
      .def_property_readonly("size", &Bundle::size)
      .def_property_readonly("left_out", [](const Bundle& bundle) { return bundle.proof().left_out; })
      .def_property_readonly("digest", &Bundle::digest)
      .def_property_readonly("contract", &Bundle::contract, py::return_value_policy::reference_internal)
      .def_property_readonly("notice", [](const Bundle& bundle) { return bundle.manifest().notice(); })
      .def_property_readonly("names", &names)
      .def(
          "member", [](const Bundle& bundle, const std::string& name) { return to_bytes(bundle.member(name)); },
          "name"_a)
      .def("tensors", &tensors, "name"_a);
  module.def("read_tensors", &read_tensors, "content"_a, "name"_a);
  module.def("check_graph", &check_graph, "model"_a, "most_samples"_a = 0);
  module.attr("opset") = kOpset;
  module.attr("ir_version") = kIrVersion;
  module.def(
      "sha256_portable", [](const py::bytes& content) { return sha256_portable(view_bytes(content)); }, "content"_a);
  module.def("sha256", [](const py::bytes& content) { return sha256(view_bytes(content)); }, "content"_a);
  module.def("crc32", [](const py::bytes& content) { return crc32(view_bytes(content)); }, "content"_a);
}

}  // namespace ecg2lab::bindings
