#include "prepare/prepare.h"

#include <algorithm>

#include "bindings.h"
#include "prepare/kernels/select.h"
#include "prepare/leads.h"
#include "prepare/resample.h"

namespace ecg2lab::bindings {
namespace {

// Signal, reports and, if asked for, what the quality gate measured.
py::tuple prepare_array(const Array<double>& samples, const std::vector<std::string>& recorded_leads, double rate,
                        const std::vector<std::string>& leads, double sampling_rate_hz, double clip_mv,
                        const std::optional<BandPass>& band_pass, const std::optional<Notch>& notch,
                        bool measure_quality) {
  const auto matrix = view_2d(samples);
  Prepared prepared;
  {
    const py::gil_scoped_release release;
    prepared =
        prepare(matrix, recorded_leads, rate, {leads, sampling_rate_hz, clip_mv, {band_pass, notch}, measure_quality});
  }
  const auto signal = to_rows(std::move(prepared.signal));
  const auto reports = to_list(prepared.leads);
  if (!prepared.quality) return py::make_tuple(signal, reports);
  return py::make_tuple(signal, reports, std::move(*prepared.quality));
}

std::vector<std::string> missing_leads(const std::vector<std::string>& recorded,
                                       const std::vector<std::string>& wanted) {
  const auto sources = map_leads(recorded, wanted);
  std::vector<std::string> missing;
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    if (!sources[index].found()) missing.push_back(wanted[index]);
  }
  return missing;
}

// One lead at the recording's own rate, for drawing.
py::array_t<double> lead_array(const Array<double>& samples, const std::vector<std::string>& recorded,
                               const std::string& wanted) {
  const auto matrix = view_2d(samples);
  const LeadSource source = map_leads(recorded, {wanted}).front();
  if (!source.found() || recorded.size() != matrix.rows) throw std::invalid_argument("lead " + wanted + " is missing");
  std::vector<double> out(matrix.columns);
  extract_lead(matrix, source, out);
  return to_array(std::move(out), {static_cast<py::ssize_t>(matrix.columns)});
}

py::array_t<float> windows_array(const Array<float>& signal, std::size_t window) {
  const auto matrix = view_2d(signal);
  Matrix<float> copy(matrix.rows, matrix.columns);
  std::copy_n(matrix.data, copy.values.size(), copy.values.begin());
  const std::size_t windows = count_windows(matrix.columns, window).windows;
  std::vector<float> out(windows * matrix.rows * window);
  cut_windows(copy, window, out.data());
  return to_array(std::move(out), {static_cast<py::ssize_t>(windows), static_cast<py::ssize_t>(matrix.rows),
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
    const py::gil_scoped_release release;
    resampler.run({rows, 0, matrix.columns}, clip_mv, {out.data(), length, 0, length});
  }
  return to_array(std::move(out), {samples.shape(0), static_cast<py::ssize_t>(length)});
}

}  // namespace

py::list to_list(const std::vector<LeadReport>& reports) {
  py::list dicts;
  for (const LeadReport& lead : reports) {
    py::dict report;
    report["missing_samples"] = lead.missing_samples;
    report["clipped_samples"] = lead.clipped_samples;
    report["derived"] = lead.derived;
    report["empty"] = lead.empty;
    report["flat"] = lead.flat;
    report["peak_to_peak_mv"] = lead.peak_to_peak_mv;
    report["longest_gap"] = lead.longest_gap;
    dicts.append(report);
  }
  return dicts;
}

void bind_prepare(py::module_& module) {
  using py::literals::operator""_a;
  module.def("prepare", &prepare_array, "samples"_a.noconvert(), "recorded_leads"_a, "rate"_a, "leads"_a,
             "sampling_rate_hz"_a, "clip_mv"_a, "band_pass"_a = py::none(), "notch"_a = py::none(),
             "measure_quality"_a = false);
  module.def("missing_leads", &missing_leads, "recorded"_a, "wanted"_a);
  module.def("lead", &lead_array, "samples"_a.noconvert(), "recorded"_a, "wanted"_a);
  module.def("windows", &windows_array, "signal"_a.noconvert(), "window"_a);
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
