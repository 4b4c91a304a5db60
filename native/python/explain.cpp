#include "answer/explain.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

// Keeps the contract that it was made with.
std::unique_ptr<Occlusion> occlude(const Contract& contract, const Array<float>& windows,
                                   const std::map<std::string, double>& numbers,
                                   const std::map<std::string, std::string>& words, bool impute_out_of_range,
                                   double segment_s) {
  const Signal& signal = contract.signal;
  if (windows.ndim() != 3 || windows.shape(1) != static_cast<py::ssize_t>(signal.leads.size()) ||
      windows.shape(2) != static_cast<py::ssize_t>(signal.window_samples)) {
    throw std::invalid_argument("windows must be (windows, leads, samples) of the contract");
  }
  const auto values = view(windows);
  return std::make_unique<Occlusion>(contract, std::vector<float>(values.begin(), values.end()),
                                     Patient{numbers, words},
                                     impute_out_of_range ? OutOfRange::impute : OutOfRange::refuse, segment_s);
}

// (rows, leads, samples), (rows, numbers), (rows, codes)
py::tuple fill(const Occlusion& occlusion, std::size_t first, std::size_t count, const Contract& contract) {
  const auto rows = static_cast<py::ssize_t>(count), leads = static_cast<py::ssize_t>(contract.signal.leads.size()),
             samples = static_cast<py::ssize_t>(contract.signal.window_samples),
             numbers = static_cast<py::ssize_t>(contract.continuous_columns()),
             codes = static_cast<py::ssize_t>(contract.codes_per_column().size());
  if (first + count > occlusion.rows()) throw std::invalid_argument("there are not so many rows");
  py::array_t<float> signal({rows, leads, samples}), continuous({rows, numbers});
  py::array_t<std::int64_t> categorical({rows, codes});
  occlusion.fill(first, count, signal.mutable_data(), continuous.mutable_data(), categorical.mutable_data());
  return py::make_tuple(signal, continuous, categorical);
}

}  // namespace

void bind_explain(py::module_& module) {
  py::class_<Effect>(module, "Effect")
      .def_readonly("part", &Effect::part)
      .def_readonly("logit", &Effect::logit)
      .def_readonly("probability", &Effect::probability);
  py::class_<SegmentEffect>(module, "SegmentEffect")
      .def_readonly("start_s", &SegmentEffect::start_s)
      .def_readonly("end_s", &SegmentEffect::end_s)
      .def_readonly("logit", &SegmentEffect::logit)
      .def_readonly("probability", &SegmentEffect::probability);
  py::class_<Explanation>(module, "Explanation")
      .def_readonly("target", &Explanation::target)
      .def_readonly("logit", &Explanation::logit)
      .def_readonly("probability", &Explanation::probability)
      .def_readonly("leads", &Explanation::leads)
      .def_readonly("segments", &Explanation::segments)
      .def_readonly("facts", &Explanation::facts)
      .def_readonly("ecg", &Explanation::ecg)
      .def_readonly("patient", &Explanation::patient)
      .def_readonly("not_removable", &Explanation::not_removable);
  py::class_<Occlusion>(module, "Occlusion")
      .def(py::init(&occlude), "contract"_a, "windows"_a.noconvert(), "numbers"_a, "words"_a, "impute_out_of_range"_a,
           "segment_s"_a, py::keep_alive<1, 2>(), py::call_guard<FloatEnvironment>())
      .def_property_readonly("rows", &Occlusion::rows)
      .def("fill", &fill, "first"_a, "count"_a, "contract"_a, py::call_guard<FloatEnvironment>())
      .def(
          "explain",
          [](const Occlusion& occlusion, const Array<float>& logits, const std::vector<std::size_t>& targets) {
            const auto rows = view_2d(logits);
            if (rows.rows != occlusion.rows()) throw std::invalid_argument("a row of logits for each row is needed");
            return occlusion.explain(rows, targets);
          },
          "logits"_a.noconvert(), "targets"_a, py::call_guard<FloatEnvironment>());
}

}  // namespace ecg2lab::bindings
