// What each binding file adds to the module.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <span>
#include <stdexcept>

#include "base/float_environment.h"
#include "base/matrix.h"

namespace ecg2lab::bindings {

namespace py = pybind11;

// C-contiguous input of exactly this type: a wrong type is an error here, so that conversion stays Python's choice.
template <typename T>
using Array = py::array_t<T, py::array::c_style>;

template <typename T>
std::span<const T> view(const Array<T>& array) {
  return {array.data(), static_cast<std::size_t>(array.size())};
}

template <typename T>
MatrixView<T> view_2d(const Array<T>& array) {
  if (array.ndim() != 2) throw std::invalid_argument("a two-dimensional array is needed");
  return {array.data(), static_cast<std::size_t>(array.shape(0)), static_cast<std::size_t>(array.shape(1))};
}

// Hands the numbers to Python without copying them.
template <typename T>
py::array_t<T> to_array(std::vector<T>&& values, std::vector<py::ssize_t> shape) {
  auto* owner = new std::vector<T>(std::move(values));
  const py::capsule release(owner, [](void* pointer) { delete static_cast<std::vector<T>*>(pointer); });
  return py::array_t<T>(std::move(shape), owner->data(), release);
}

// Threads of this process that compute without the interpreter's lock; asked and told by who holds it.
class Computing {
 public:
  // Whether it may: not at the interpreter's end, when a daemon thread that wanted the lock back would be ended in the
  // middle of C++, and the process with it by a signal.
  static bool begin();
  static void end();

 private:
  friend void bind_computing(py::module_& module);
  static Computing& of_process();

  long process_ = 0;
  std::size_t threads_ = 0;
  bool ending_ = false;
};

// While one lives, other Python threads go on, but for the interpreter's end, and this one computes in the default
// floating-point environment.
class Unlocked {
 public:
  Unlocked() {
    if (Computing::begin()) release_.emplace();
  }
  ~Unlocked() {
    if (!release_) return;
    release_.reset();
    Computing::end();
  }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  std::optional<py::gil_scoped_release> release_;
  FloatEnvironment floats_;
};

// By name, in their order.
template <typename T>
py::dict to_dict(const std::vector<std::pair<std::string, T>>& values) {
  py::dict named;
  for (const auto& [name, value] : values) named[py::str(name)] = py::cast(value);
  return named;
}

inline py::array_t<float> to_rows(Matrix<float>&& matrix) {
  const auto rows = static_cast<py::ssize_t>(matrix.rows), columns = static_cast<py::ssize_t>(matrix.columns);
  return to_array(std::move(matrix.values), {rows, columns});
}

void bind_answer(py::module_& module);
void bind_bundle(py::module_& module);
void bind_computing(py::module_& module);
void bind_contract(py::module_& module);
void bind_cpu(py::module_& module);
void bind_decide(py::module_& module);
void bind_engine(py::module_& module);
void bind_errors(py::module_& module);
void bind_explain(py::module_& module);
void bind_files(py::module_& module);
void bind_features(py::module_& module);
void bind_prepare(py::module_& module);
void bind_quality(py::module_& module);
void bind_recording(py::module_& module);
void bind_prepare_stream(py::module_& module);
void bind_scan(py::module_& module);
void bind_window_stream(py::module_& module);
void bind_zero_phase(py::module_& module);

}  // namespace ecg2lab::bindings
