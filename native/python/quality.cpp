#include "judge/quality.h"

#include "answer/notes.h"
#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

// A verdict in words, with the error that says so where it refuses.
struct Judgement {
  QualityNote note;
  std::string error;
  std::string message;
};

Judgement judge_prepared(const Prepared& prepared, const Contract& contract, std::optional<double> longest_gap_s) {
  const Quality quality = judge(prepared, contract, longest_gap_s);
  return {describe_quality(quality, prepared, contract), quality.refusal ? error_name(quality.kind()) : "",
          quality.message ? quality.message->text() : ""};
}

}  // namespace

void bind_quality(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<FaultNote>(module, "QualityFault")
      .def_readonly("fault", &FaultNote::fault)
      .def_readonly("severity", &FaultNote::severity)
      .def_readonly("lead", &FaultNote::lead)
      .def_readonly("other_lead", &FaultNote::other_lead)
      .def_readonly("measured", &FaultNote::measured)
      .def_readonly("limit", &FaultNote::limit)
      .def_readonly("message", &FaultNote::message);
  py::class_<Judgement>(module, "Quality")
      .def_property_readonly("verdict", [](const Judgement& quality) { return quality.note.verdict; })
      .def_property_readonly("faults", [](const Judgement& quality) { return quality.note.faults; })
      .def_property_readonly("leads",
                             [](const Judgement& quality) {
                               py::dict leads;
                               for (const auto& [name, figures] : quality.note.leads) {
                                 leads[py::str(name)] = to_dict(figures);
                               }
                               return leads;
                             })
      .def_property_readonly("recording", [](const Judgement& quality) { return to_dict(quality.note.recording); })
      .def_readonly("error", &Judgement::error)
      .def_readonly("message", &Judgement::message);
  module.def("judge", &judge_prepared, "prepared"_a, "contract"_a, "longest_gap_s"_a = py::none(),
             py::call_guard<FloatEnvironment>());
  module.def("fault_names", [] {
    std::vector<std::string> names;
    for (const FaultRule& rule : kFaultRules) names.emplace_back(rule.name);
    return py::tuple(py::cast(names));
  });
}

}  // namespace ecg2lab::bindings
