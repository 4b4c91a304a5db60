#include "signal/zero_phase.h"

#include "bindings.h"
#include "signal/kernels/select.h"

namespace ecg2lab::bindings {
namespace {

template <class Filter>
py::array_t<double> filter_array(const Filter& filter, const Array<double>& samples, double rate_hz,
                                 const std::string& instruction_set) {
  const auto matrix = view_2d(samples);
  std::vector<double> out(matrix.data, matrix.data + matrix.rows * matrix.columns);
  std::vector<double*> leads;
  for (std::size_t lead = 0; lead < matrix.rows; ++lead) leads.push_back(out.data() + lead * matrix.columns);
  {
    const Unlocked unlocked;
    filter_zero_phase(leads, matrix.columns, design(filter, rate_hz), select_signal_kernels(instruction_set));
  }
  return to_array(std::move(out), {samples.shape(0), samples.shape(1)});
}

}  // namespace

void bind_zero_phase(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<BandPass>(module, "BandPass")
      .def(py::init<double, double, int>(), "low_hz"_a, "high_hz"_a, "order"_a)
      .def("filter", &filter_array<BandPass>, "samples"_a.noconvert(), "rate"_a, "instruction_set"_a = "");
  py::class_<Notch>(module, "Notch")
      .def(py::init<double, double>(), "frequency_hz"_a, "quality"_a)
      .def("filter", &filter_array<Notch>, "samples"_a.noconvert(), "rate"_a, "instruction_set"_a = "");
}

}  // namespace ecg2lab::bindings
