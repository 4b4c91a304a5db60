#include "base/errors.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

const char* class_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bundle:
      return "BundleError";
    case ErrorKind::contract:
      return "ContractError";
    case ErrorKind::recording:
      return "RecordingError";
    case ErrorKind::patient:
      return "PatientError";
    case ErrorKind::quality:
      return "QualityError";
    case ErrorKind::backend:
      return "BackendError";
  }
  return "Ecg2LabError";
}

}  // namespace

// The core's errors become those of `ecg2lab.errors`, with the same sentence.
void bind_errors(py::module_&) {
  py::register_local_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const Error& error) {
      const py::object type = py::module_::import("ecg2lab.errors").attr(class_name(error.kind()));
      py::set_error(type, error.what());
    }
  });
}

}  // namespace ecg2lab::bindings
