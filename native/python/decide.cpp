#include "answer/decide.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

std::vector<float> to_vector(const Array<float>& array) {
  const auto values = view(array);
  return {values.begin(), values.end()};
}

}  // namespace

void bind_decide(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Verdict>(module, "Verdict")
      .def_readonly("probability", &Verdict::probability)
      .def_readonly("lowest", &Verdict::lowest)
      .def_readonly("highest", &Verdict::highest)
      .def_property_readonly("word", [](const Verdict& verdict) { return word_of(verdict.word); })
      .def_property_readonly("reason", &Verdict::reason)
      .def_readonly("point", &Verdict::point)
      .def_readonly("threshold", &Verdict::threshold)
      .def_readonly("base_rate", &Verdict::base_rate)
      .def_property_readonly("ratio", &Verdict::ratio)
      .def_property_readonly("detected", &Verdict::detected);
  py::class_<Familiarity>(module, "Familiarity")
      .def_readonly("distance", &Familiarity::distance)
      .def_readonly("limit", &Familiarity::limit)
      .def_readonly("quantile", &Familiarity::quantile)
      .def_property_readonly("reasons", [](const Familiarity& familiarity) { return texts(familiarity.reasons); })
      .def_property_readonly("outside", &Familiarity::outside);
  py::class_<Decided>(module, "Decided")
      .def_readonly("verdicts", &Decided::verdicts)
      .def_readonly("familiarity", &Decided::familiarity);
  py::class_<TrainedFeatures>(module, "TrainedFeatures")
      .def(py::init([](const Array<float>& mean, const Array<float>& whitening) {
             return TrainedFeatures(to_vector(mean), to_vector(whitening));
           }),
           "mean"_a.noconvert(), "whitening"_a.noconvert())
      .def_static("of", &TrainedFeatures::of, "bundle"_a)
      .def(
          "distance",
          [](const TrainedFeatures& trained, const Array<float>& features) {
            return trained.distance(view_2d(features));
          },
          "features"_a.noconvert());
  module.def(
      "decide",
      [](const Array<float>& logits, const std::optional<Array<float>>& features, const Features& patient,
         const Contract& contract, const TrainedFeatures* trained) {
        return decide({view_2d(logits), features ? view_2d(*features) : MatrixView<float>{}}, patient, contract,
                      trained);
      },
      "logits"_a.noconvert(), "features"_a.noconvert(), "patient"_a, "contract"_a, "trained"_a,
      py::call_guard<FloatEnvironment>());
}

}  // namespace ecg2lab::bindings
