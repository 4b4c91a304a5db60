#include "prepare/recording.h"

#include <algorithm>

#include "bindings.h"
#include "contract/lead_names.h"
#include "recording_samples.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

Unit unit_of(std::string_view name) {
  const auto place = std::find(kUnitNames.begin(), kUnitNames.end(), name);
  if (place == kUnitNames.end()) throw std::invalid_argument("unknown unit");
  return Unit(place - kUnitNames.begin());
}

SampleType sample_type_of(const py::array& samples) {
  if (py::isinstance<py::array_t<float>>(samples)) return SampleType::float32;
  if (py::isinstance<py::array_t<double>>(samples)) return SampleType::float64;
  if (py::isinstance<py::array_t<std::int16_t>>(samples)) return SampleType::int16;
  if (py::isinstance<py::array_t<std::int32_t>>(samples)) return SampleType::int32;
  throw py::type_error("samples must be float32, float64, int16 or int32");
}

Format make_format(const std::vector<std::string>& leads, double sampling_rate_hz, const std::string& unit,
                   const std::vector<double>& gain, const std::vector<double>& baseline) {
  return {ToMillivolt({unit_of(unit), gain, baseline, leads, sampling_rate_hz}), sampling_rate_hz};
}

py::array_t<double> to_millivolt(const Format& format, const py::array& samples) {
  const RawSamples raw = raw_samples(samples, format);
  std::unique_ptr<double[]> millivolt;
  {
    const Unlocked unlocked;
    millivolt = format.to_millivolt.convert(raw);
  }
  double* const data = millivolt.release();
  const py::capsule owner(data, [](void* pointer) { delete[] static_cast<double*>(pointer); });
  return py::array_t<double>({samples.shape(0), samples.shape(1)}, data, owner);
}

}  // namespace

RawSamples raw_samples(const py::array& samples, const Format& format) {
  if (samples.ndim() != 2) throw std::invalid_argument("a two-dimensional array is needed");
  if (static_cast<std::size_t>(samples.shape(0)) != format.to_millivolt.leads().size()) {
    throw std::invalid_argument("one name per row of samples is needed");
  }
  return {.data = samples.data(),
          .type = sample_type_of(samples),
          .leads = static_cast<std::size_t>(samples.shape(0)),
          .samples = static_cast<std::size_t>(samples.shape(1)),
          .lead_stride = samples.strides(0) / samples.itemsize(),
          .sample_stride = samples.strides(1) / samples.itemsize()};
}

void bind_recording(py::module_& module) {
  py::class_<Format>(module, "RecordingFormat")
      .def(py::init(&make_format), "leads"_a, "sampling_rate_hz"_a, "unit"_a, "gain"_a = std::vector<double>(),
           "baseline"_a = std::vector<double>())
      .def_property_readonly("leads",
                             [](const Format& format) { return py::tuple(py::cast(format.to_millivolt.leads())); })
      .def_readonly("sampling_rate_hz", &Format::sampling_rate_hz)
      .def("to_millivolt", &to_millivolt, "samples"_a);
  module.def("canonical_lead", &canonical_lead, "name"_a);
  module.def("standard_leads", [] { return py::tuple(py::cast(standard_leads())); });
}

}  // namespace ecg2lab::bindings
