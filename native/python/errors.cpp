#include "base/errors.h"

#include "bindings.h"

namespace ecg2lab::bindings {
// The core's errors become those of `ecg2lab.errors`, with the same sentence.
void bind_errors(py::module_&) {
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
