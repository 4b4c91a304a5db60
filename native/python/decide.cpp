#include "answer/decide.h"

#include "bindings.h"

namespace ecg2lab::bindings {

void bind_decide(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Verdict>(module, "Verdict")
      .def_readonly("probability", &Verdict::probability)
      .def_readonly("lowest", &Verdict::lowest)
      .def_readonly("highest", &Verdict::highest)
      .def_property_readonly("word", [](const Verdict& verdict) { return word_of(verdict.word); })
      .def_property_readonly(
          "reason",
          [](const Verdict& verdict) { return verdict.reason.empty() ? std::nullopt : std::optional(verdict.reason); })
      .def_readonly("point", &Verdict::point)
      .def_readonly("threshold", &Verdict::threshold)
      .def_readonly("base_rate", &Verdict::base_rate)
      .def_property_readonly("ratio", &Verdict::ratio)
      .def_property_readonly("detected", &Verdict::detected);
  module.def(
      "decide",
      [](const Array<float>& logits, const Features& features, const Contract& contract) {
        return decide(view_2d(logits), features, contract);
      },
      "logits"_a.noconvert(), "features"_a, "contract"_a);
}

}  // namespace ecg2lab::bindings
