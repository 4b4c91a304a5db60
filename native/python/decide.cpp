#include "answer/decide.h"

#include "bindings.h"

namespace ecg2lab::bindings {

void bind_decide(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Decision>(module, "Decision")
      .def_readonly("probability", &Decision::probability)
      .def_readonly("lowest", &Decision::lowest)
      .def_readonly("highest", &Decision::highest)
      .def_readonly("detected", &Decision::detected);
  module.def(
      "decide", [](const Array<float>& logits, const Contract& contract) { return decide(view_2d(logits), contract); },
      "logits"_a.noconvert(), "contract"_a);
}

}  // namespace ecg2lab::bindings
