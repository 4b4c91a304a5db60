#include "base/errors.h"

#include "base/utf8.h"
#include "bindings.h"

namespace ecg2lab::bindings {

using py::literals::operator""_a;

namespace {

std::string shown(const py::str& text) {
  const auto utf8 = py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "replace"));
  if (!utf8) throw py::error_already_set();
  return printable(std::string_view(utf8));
}

}  // namespace

// The core's errors become those of `ecg2lab.errors`, with the same sentence.
void bind_errors(py::module_& module) {
  module.def("printable", &shown, "text"_a);
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      const py::object type = py::module_::import("ecg2lab.errors").attr(error_name(error.kind()));
      py::set_error(type, error.what());
    }
  });
}

}  // namespace ecg2lab::bindings
