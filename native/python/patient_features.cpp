#include "patient/patient_features.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

using Numbers = std::map<std::string, double>;
using Words = std::map<std::string, std::string>;

// Features that were not given, with what stood in for them.
py::dict imputed(const Features& features, const Contract& contract) {
  py::dict substitutes;
  for (const std::size_t i : features.imputed_continuous) {
    const ContinuousFeature& feature = contract.continuous[i];
    substitutes[py::str(feature.name)] = feature.median.value();
  }
  for (const std::size_t i : features.imputed_categorical) {
    const CategoricalFeature& feature = contract.categorical[i];
    const auto code = static_cast<std::size_t>(feature.missing_code.value());
    substitutes[py::str(feature.name)] = feature.categories.at(code);
  }
  return substitutes;
}

// Returns (continuous, categorical, imputed, unused, out_of_range).
py::tuple encode(const Numbers& numbers, const Words& words, const Contract& contract, bool impute_out_of_range) {
  const OutOfRange policy = impute_out_of_range ? OutOfRange::impute : OutOfRange::refuse;
  Features features = encode_features({numbers, words}, contract, policy);
  const py::dict substitutes = imputed(features, contract);
  const auto continuous = static_cast<py::ssize_t>(features.continuous.size());
  const auto categorical = static_cast<py::ssize_t>(features.categorical.size());
  return py::make_tuple(to_array(std::move(features.continuous), {continuous}),
                        to_array(std::move(features.categorical), {categorical}), substitutes,
                        py::tuple(py::cast(features.unused)), py::tuple(py::cast(features.out_of_range)));
}

}  // namespace

void bind_features(py::module_& module) {
  using py::literals::operator""_a;
  module.def(
      "check_patient", [](const Numbers& numbers, const Words& words) { check_patient({numbers, words}); }, "numbers"_a,
      "words"_a);
  module.def("encode_features", &encode, "numbers"_a, "words"_a, "contract"_a, "impute_out_of_range"_a = false);
  module.def("fact_names", [] { return py::tuple(py::cast(fact_names())); });
}

}  // namespace ecg2lab::bindings
