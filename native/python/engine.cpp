#include "engine/engine.h"

#include "bindings.h"
#include "engine/kernels/instruction_sets.h"

namespace ecg2lab::bindings {
namespace {

Tensor::Type type_of(const std::string& name, const py::array& array) {
  if (py::isinstance<py::array_t<double>>(array)) return Tensor::Type::f64;
  if (py::isinstance<py::array_t<float>>(array)) return Tensor::Type::f32;
  throw std::invalid_argument("weights: " + name + " is neither float32 nor float64");
}

TensorMap to_tensors(const py::dict& weights) {
  TensorMap tensors;
  for (const auto& [key, value] : weights) {
    const auto name = key.cast<std::string>();
    const auto array = value.cast<py::array>();
    if (!(array.flags() & py::array::c_style)) throw std::invalid_argument("weights: " + name + " is not contiguous");
    Tensor tensor{type_of(name, array), {}, static_cast<const std::byte*>(array.data())};
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
      tensor.shape.push_back(static_cast<std::size_t>(array.shape(axis)));
    }
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

Engine make_engine(const py::dict& weights, std::size_t leads, std::size_t window, std::size_t continuous,
                   const std::vector<std::size_t>& categorical, std::size_t targets, std::size_t threads,
                   const std::string& precision, const std::string& instruction_set) {
  const TensorMap tensors = to_tensors(weights);
  const NetworkSizes sizes{leads, window, continuous, categorical, targets};
  const Unlocked unlocked;
  return Engine(tensors, sizes, {threads, precision_of(precision), instruction_set});
}

void require_shape(const py::array& array, const std::vector<std::size_t>& shape, const char* name) {
  bool same = static_cast<std::size_t>(array.ndim()) == shape.size();
  for (std::size_t axis = 0; same && axis < shape.size(); ++axis) {
    same = static_cast<std::size_t>(array.shape(static_cast<py::ssize_t>(axis))) == shape[axis];
  }
  if (!same) throw std::invalid_argument(std::string(name) + " has another shape than the network");
}

py::array_t<float> to_rows(std::vector<float> values, std::size_t rows, std::size_t columns) {
  return to_array(std::move(values), {static_cast<py::ssize_t>(rows), static_cast<py::ssize_t>(columns)});
}

// Logits and features.
py::tuple run_engine(const Engine& engine, const Array<float>& signal, const Array<float>& continuous,
                     const Array<std::int64_t>& categorical) {
  const NetworkSizes& sizes = engine.sizes();
  const std::size_t batch = signal.ndim() ? static_cast<std::size_t>(signal.shape(0)) : 0;
  require_shape(signal, {batch, sizes.leads, sizes.window}, "signal");
  require_shape(continuous, {batch, sizes.continuous}, "continuous");
  require_shape(categorical, {batch, sizes.categorical.size()}, "categorical");
  std::vector<float> logits(batch * sizes.targets), features(batch * engine.features());
  {
    const NetworkInput in{signal.data(), continuous.data(), categorical.data(), batch};
    const Unlocked unlocked;
    engine.run(in, logits.data(), features.data());
  }
  return py::make_tuple(to_rows(std::move(logits), batch, sizes.targets),
                        to_rows(std::move(features), batch, engine.features()));
}

}  // namespace

void bind_engine(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Engine>(module, "Engine")
      .def(py::init(&make_engine), "weights"_a, py::kw_only(), "leads"_a, "window"_a, "continuous"_a, "categorical"_a,
           "targets"_a, "threads"_a = 1, "precision"_a = "fp32", "instruction_set"_a = "")
      .def("run", &run_engine, "signal"_a.noconvert(), "continuous"_a.noconvert(), "categorical"_a.noconvert())
      .def_property_readonly("features", &Engine::features)
      .def_property_readonly("instruction_set", &Engine::instruction_set)
      .def_property_readonly("precision", [](const Engine& engine) { return name_of(engine.precision()); })
      .def_property_readonly("threads", &Engine::threads);
  module.def(
      "instruction_sets",
      [](const std::string& precision) {
        return py::tuple(py::cast(available_instruction_sets(precision_of(precision))));
      },
      "precision"_a = "fp32");
}

}  // namespace ecg2lab::bindings
