#include "bundle/bundle.h"

#include "base/crc32.h"
#include "bindings.h"
#include "bundle/onnx_guard.h"
#include "bundle/safetensors.h"
#include "bundle/sha256.h"

namespace ecg2lab::bindings {
namespace {

std::span<const std::byte> view_bytes(const py::bytes& bytes) {
  const std::string_view text = bytes;
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

py::bytes to_bytes(std::span<const std::byte> content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

Bundle from_bytes(const py::bytes& content, const std::string& source) {
  AlignedBytes copy(view_bytes(content));
  const py::gil_scoped_release release;
  return {std::move(copy), source};
}

Bundle open(const std::string& path) {
  const py::gil_scoped_release release;
  return Bundle::open(path);
}

std::vector<std::string_view> names(const Bundle& bundle) {
  std::vector<std::string_view> found;
  for (const Member& member : bundle.members()) found.push_back(member.name);
  return found;
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

// Copies, so that they may outlive the content.
py::dict read_tensors(const py::bytes& content, const std::string& name) {
  const AlignedBytes copy(view_bytes(content));
  const Safetensors file = read_safetensors(copy.view(), name);
  py::dict arrays;
  for (const auto& [key, tensor] : file.tensors) {
    arrays[py::str(key)] = py::array(py::dtype(dtype(tensor.type)), tensor.shape, tensor.data);
  }
  return arrays;
}

}  // namespace

void bind_bundle(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Bundle>(module, "Bundle")
      .def_static("open", &open, "path"_a)
      .def_static("from_bytes", &from_bytes, "content"_a, "source"_a = "bundle")
      .def_property_readonly("digest", &Bundle::digest)
      .def_property_readonly("contract", &Bundle::contract, py::return_value_policy::reference_internal)
      .def_property_readonly("precision", [](const Bundle& bundle) { return bundle.manifest().precision; })
      .def_property_readonly("gates", [](const Bundle& bundle) { return bundle.manifest().gates; })
      .def_property_readonly("notice", [](const Bundle& bundle) { return bundle.manifest().notice(); })
      .def_property_readonly("names", &names)
      .def(
          "member", [](const Bundle& bundle, const std::string& name) { return to_bytes(bundle.member(name)); },
          "name"_a);
  module.def("read_tensors", &read_tensors, "content"_a, "name"_a);
  module.def("refers_outside", [](const py::bytes& model) { return refers_outside(view_bytes(model)); }, "model"_a);
  module.def(
      "sha256_portable", [](const py::bytes& content) { return sha256_portable(view_bytes(content)); }, "content"_a);
  module.def("sha256", [](const py::bytes& content) { return sha256(view_bytes(content)); }, "content"_a);
  module.def("crc32", [](const py::bytes& content) { return crc32(view_bytes(content)); }, "content"_a);
}

}  // namespace ecg2lab::bindings
