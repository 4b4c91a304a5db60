#include "patient/patient_features.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

using Numbers = std::map<std::string, double>;
using Words = std::map<std::string, std::string>;

// Arrays are the vectors themselves, which keep what they belong to.
template <typename T>
py::array_t<T> column_array(const py::object& self, std::vector<T> Features::* columns) {
  auto& values = self.cast<Features&>().*columns;
  return py::array_t<T>({static_cast<py::ssize_t>(values.size())}, values.data(), self);
}

Features encode(const Numbers& numbers, const Words& words, const Contract& contract, bool impute_out_of_range) {
  return encode_features({numbers, words}, contract, impute_out_of_range ? OutOfRange::impute : OutOfRange::refuse);
}

}  // namespace

void bind_features(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Features>(module, "Features")
      .def_property_readonly("continuous",
                             [](const py::object& self) { return column_array(self, &Features::continuous); })
      .def_property_readonly("categorical",
                             [](const py::object& self) { return column_array(self, &Features::categorical); })
      .def_property_readonly("imputed", [](const Features& features) { return to_dict(features.imputed); })
      .def_property_readonly("unused", [](const Features& features) { return py::tuple(py::cast(features.unused)); })
      .def_property_readonly("out_of_range",
                             [](const Features& features) { return py::tuple(py::cast(features.out_of_range)); });
  module.def(
      "check_patient", [](const Numbers& numbers, const Words& words) { check_patient({numbers, words}); }, "numbers"_a,
      "words"_a);
  module.def("encode", &encode, "numbers"_a, "words"_a, "contract"_a, "impute_out_of_range"_a = false,
             py::call_guard<FloatEnvironment>());
  module.def("fact_names", [] { return py::tuple(py::cast(fact_names())); });
}

}  // namespace ecg2lab::bindings
