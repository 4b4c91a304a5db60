#include "prepare/prepare.h"

#include <algorithm>

#include "bindings.h"
#include "prepare/for_contract.h"
#include "recording_samples.h"
#include "signal/kernels/select.h"
#include "signal/leads.h"
#include "signal/resample.h"

namespace ecg2lab::bindings {
namespace {

Prepared prepare_recording(const Recording& recording, const Contract& contract, bool measure_quality) {
  const Unlocked unlocked;
  return prepare(recording, contract, measure_quality);
}

// (leads, n) float64, millivolt, which stay where they are.
Prepared prepare_millivolt(const Array<double>& samples, const std::vector<std::string>& recorded_leads, double rate,
                           const Contract& contract, const std::vector<std::string>& ignored, bool measure_quality) {
  return prepare_recording({Millivolts(view_2d(samples)), recorded_leads, rate, ignored}, contract, measure_quality);
}

// Samples of any type and unit; the signal alone.
py::array_t<float> preprocess(const py::array& samples, const Format& format, const Contract& contract) {
  const RawSamples raw = raw_samples(samples, format);
  Prepared prepared;
  {
    const Unlocked unlocked;
    const Recording recording{format.to_millivolt(raw), format.to_millivolt.leads(), format.sampling_rate_hz};
    prepared = prepare(recording, contract, false);
  }
  return to_rows(std::move(prepared.signal));
}

// Of a recording that was prepared elsewhere.
Prepared make_prepared(const Array<float>& signal, const std::vector<LeadReport>& leads, std::size_t recorded_samples,
                       double recorded_rate_hz, const QualityFigures* figures) {
  const auto matrix = view_2d(signal);
  Prepared prepared;
  prepared.signal = Matrix<float>(matrix.rows, matrix.columns);
  std::copy_n(matrix.data, prepared.signal.values.size(), prepared.signal.values.begin());
  prepared.leads = leads;
  prepared.recorded_samples = recorded_samples;
  prepared.recorded_rate_hz = recorded_rate_hz;
  if (figures != nullptr) prepared.figures = *figures;
  return prepared;
}

// The signal itself, which keeps what it belongs to.
py::array_t<float> signal_of(const py::object& self) {
  auto& signal = self.cast<Prepared&>().signal;
  return py::array_t<float>({static_cast<py::ssize_t>(signal.rows), static_cast<py::ssize_t>(signal.columns)},
                            signal.values.data(), self);
}

// One lead at the recording's own rate, for drawing.
py::array_t<double> lead_array(const Array<double>& samples, const std::vector<std::string>& recorded,
                               const std::string& name) {
  const auto matrix = view_2d(samples);
  const LeadSource source = map_leads(recorded, {name}).front();
  if (source.missing() || recorded.size() != matrix.rows) throw std::invalid_argument("lead " + name + " is missing");
  std::vector<double> out(matrix.columns);
  extract_lead(matrix, source, out);
  return to_array(std::move(out), {static_cast<py::ssize_t>(matrix.columns)});
}

// Whole windows side by side, (windows, leads, L).
py::array_t<float> windows_of(const Prepared& prepared, std::size_t window) {
  const Matrix<float>& signal = prepared.signal;
  const std::size_t windows = count_windows(signal.columns, window).windows;
  std::vector<float> out(windows * signal.rows * window);
  cut_windows(signal, window, out.data());
  return to_array(std::move(out), {static_cast<py::ssize_t>(windows), static_cast<py::ssize_t>(signal.rows),
                                   static_cast<py::ssize_t>(window)});
}

std::vector<const double*> row_pointers(MatrixView<double> matrix) {
  std::vector<const double*> rows;
  for (std::size_t row = 0; row < matrix.rows; ++row) rows.push_back(matrix.row(row).data());
  return rows;
}

py::array_t<float> resample_array(const Resampler& resampler, const Array<double>& samples, double clip_mv) {
  const auto matrix = view_2d(samples);
  require_clip(clip_mv);
  const std::size_t length = resampler.output_length(matrix.columns);
  std::vector<float> out(matrix.rows * length);
  {
    const auto rows = row_pointers(matrix);
    const Unlocked unlocked;
    resampler.run({rows, 0, matrix.columns}, clip_mv, {out.data(), length, 0, length});
  }
  return to_array(std::move(out), {samples.shape(0), static_cast<py::ssize_t>(length)});
}

}  // namespace

void bind_prepare(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<LeadReport>(module, "LeadReport")
      .def(py::init([](std::size_t missing_samples, std::size_t clipped_samples, bool derived, bool empty, bool flat,
                       double peak_to_peak_mv, std::size_t longest_gap) {
             return LeadReport{missing_samples, clipped_samples, derived, empty, flat, peak_to_peak_mv, longest_gap};
           }),
           py::kw_only(), "missing_samples"_a = 0, "clipped_samples"_a = 0, "derived"_a = false, "empty"_a = false,
           "flat"_a = false, "peak_to_peak_mv"_a = 0.0, "longest_gap"_a = 0)
      .def_readonly("missing_samples", &LeadReport::missing_samples)
      .def_readonly("clipped_samples", &LeadReport::clipped_samples)
      .def_readonly("derived", &LeadReport::derived)
      .def_readonly("empty", &LeadReport::empty)
      .def_readonly("flat", &LeadReport::flat)
      .def_readonly("peak_to_peak_mv", &LeadReport::peak_to_peak_mv)
      .def_readonly("longest_gap", &LeadReport::longest_gap);
  const py::class_<QualityFigures> figures(module, "QualityFigures");
  py::class_<Prepared>(module, "Prepared")
      .def(py::init(&make_prepared), "signal"_a.noconvert(), "leads"_a, "recorded_samples"_a, "recorded_rate_hz"_a,
           "figures"_a.none(true) = py::none())
      .def_property_readonly("signal", &signal_of)
      .def_readonly("leads", &Prepared::leads)
      .def_readonly("recorded_samples", &Prepared::recorded_samples)
      .def_readonly("recorded_rate_hz", &Prepared::recorded_rate_hz)
      .def_readonly("figures", &Prepared::figures)
      .def("windows", &windows_of, "window"_a);
  module.def("prepare", &prepare_millivolt, "samples"_a.noconvert(), "recorded_leads"_a, "rate"_a, "contract"_a,
             "ignored"_a = std::vector<std::string>(), "measure_quality"_a = true);
  module.def("preprocess", &preprocess, "samples"_a, "format"_a, "contract"_a);
  module.def("missing_leads", &missing_leads, "recorded"_a, "wanted"_a);
  module.def("lead", &lead_array, "samples"_a.noconvert(), "recorded"_a, "wanted"_a);
  py::class_<Resampler>(module, "Resampler")
      .def(py::init<double, double, const std::string&>(), "input_rate"_a, "output_rate"_a, "instruction_set"_a = "")
      .def("run", &resample_array, "samples"_a.noconvert(), "clip_mv"_a);
  module.def(
      "look_ahead",
      [](double input_rate, double output_rate) { return shared_resampler(input_rate, output_rate)->look_ahead(); },
      "input_rate"_a, "output_rate"_a);
  module.def("signal_instruction_sets", &signal_instruction_sets);
}

}  // namespace ecg2lab::bindings
