#include "contract/contract.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

py::dict to_dict(const ContinuousFeature& f) {
  py::object code = py::none();
  if (f.top_code) code = py::dict("above"_a = f.top_code->above, "value"_a = f.top_code->value);
  return py::dict("name"_a = f.name, "unit"_a = f.unit, "minimum"_a = f.minimum, "maximum"_a = f.maximum,
                  "median"_a = f.median, "top_code"_a = code);
}

py::dict to_dict(const CategoricalFeature& f) {
  return py::dict("name"_a = f.name, "categories"_a = f.categories, "missing_code"_a = f.missing_code);
}

py::dict to_dict(const Criterion& c) {
  return py::dict("lab"_a = c.lab, "loinc"_a = c.loinc, "unit"_a = c.unit, "comparison"_a = c.comparison,
                  "threshold"_a = c.threshold,
                  "setting"_a = c.setting == Setting::prediction ? "prediction" : "forecasting",
                  "horizon_min"_a = c.horizon_min, "category"_a = c.category);
}

py::dict to_dict(const Target& t) {
  py::object criterion = py::none(), calibration = py::none();
  if (t.criterion) criterion = to_dict(*t.criterion);
  if (t.calibration) calibration = py::dict("slope"_a = t.calibration->slope, "intercept"_a = t.calibration->intercept);
  return py::dict("name"_a = t.name, "criterion"_a = criterion, "decision_threshold"_a = t.decision_threshold,
                  "calibration"_a = calibration);
}

py::dict to_dict(const QualityLimits& quality) {
  py::dict limits;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (!kFaultRules[i].limited) continue;
    limits[py::cast(kFaultRules[i].name)] =
        py::dict("warn"_a = quality.limits[i].warn, "refuse"_a = quality.limits[i].refuse);
  }
  return limits;
}

py::dict to_dict(const Preprocessing& p) {
  py::object band_pass = py::none(), notch = py::none();
  if (const auto& band = p.filters.band_pass) {
    band_pass = py::dict("low_hz"_a = band->low_hz, "high_hz"_a = band->high_hz, "order"_a = band->order);
  }
  if (const auto& line = p.filters.notch) {
    notch = py::dict("frequency_hz"_a = line->frequency_hz, "quality"_a = line->quality);
  }
  return py::dict("band_pass"_a = band_pass, "notch"_a = notch, "clip_mv"_a = p.clip_mv);
}

template <typename T>
py::list to_list(const std::vector<T>& things) {
  py::list dicts;
  for (const T& thing : things) dicts.append(to_dict(thing));
  return dicts;
}

// Every field that this reader keeps, by the names of the Python contract.
py::dict contract_dict(const Contract& c) {
  const char* const flags[] = {"none", "continuous", "categorical"};
  return py::dict("name"_a = c.name,
                  "signal"_a = py::dict("leads"_a = c.signal.leads, "sampling_rate_hz"_a = c.signal.sampling_rate_hz,
                                        "window_samples"_a = c.signal.window_samples),
                  "preprocessing"_a = to_dict(c.preprocessing), "continuous"_a = to_list(c.continuous),
                  "categorical"_a = to_list(c.categorical),
                  "missing_flags"_a = flags[static_cast<int>(c.missing_flags)], "targets"_a = to_list(c.targets),
                  "population"_a = py::dict("minimum_age"_a = c.population.minimum_age),
                  "quality"_a = to_dict(c.quality));
}

}  // namespace

void bind_contract(py::module_& module) {
  py::class_<Contract>(module, "Contract")
      .def_static(
          "decode",
          [](const py::bytes& text, const std::string& source) {
            return decode_contract(static_cast<std::string_view>(text), source);
          },
          "text"_a, "source"_a = "contract")
      .def("to_dict", &contract_dict)
      .def_property_readonly("continuous_columns", &Contract::continuous_columns)
      .def_property_readonly("codes_per_column", &Contract::codes_per_column);
}

}  // namespace ecg2lab::bindings
