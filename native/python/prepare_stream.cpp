#include "prepare/prepare_stream.h"

#include "guarded.h"
#include "prepare/for_contract.h"

namespace ecg2lab::bindings {
namespace {

using GuardedStream = Guarded<PrepareStream>;

std::unique_ptr<GuardedStream> open_prepare_stream(const std::vector<std::string>& recorded_leads, double rate,
                                                   const Contract& contract, std::size_t longest_gap) {
  return std::make_unique<GuardedStream>(PrepareStream(recorded_leads, rate, prepare_options(contract), longest_gap));
}

py::array_t<float> push(GuardedStream& stream, const Array<double>& samples) {
  const auto matrix = view_2d(samples);
  return to_rows(stream.use([&](PrepareStream& s) { return s.push(matrix); }));
}

}  // namespace

void bind_prepare_stream(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<StreamLeadReport>(module, "StreamLeadReport")
      .def_readonly("missing_samples", &StreamLeadReport::missing_samples)
      .def_readonly("clipped_samples", &StreamLeadReport::clipped_samples)
      .def_readonly("longest_gap", &StreamLeadReport::longest_gap)
      .def_readonly("held_until", &StreamLeadReport::held_until)
      .def_readonly("derived", &StreamLeadReport::derived)
      .def_readonly("lead_off", &StreamLeadReport::lead_off);
  py::class_<GuardedStream>(module, "PrepareStream")
      .def(py::init(&open_prepare_stream), "recorded_leads"_a, "rate"_a, "contract"_a, "longest_gap"_a)
      .def("push", &push, "samples"_a.noconvert())
      .def("finish", [](GuardedStream& stream) { return to_rows(stream.use([](auto& s) { return s.finish(); })); })
      .def("reset", [](GuardedStream& stream) { stream.use([](auto& s) { s.reset(); }); })
      .def("save", [](GuardedStream& stream) { return py::bytes(stream.use([](auto& s) { return s.save(); })); })
      .def(
          "restore",
          [](GuardedStream& stream, const py::bytes& state) {
            const auto bytes = static_cast<std::string_view>(state);
            stream.use([&](auto& s) { s.restore(bytes); });
          },
          "state"_a)
      .def("leads", [](GuardedStream& stream) { return stream.use([](auto& s) { return s.leads(); }); })
      .def_property_readonly("look_ahead",
                             [](GuardedStream& stream) { return stream.use([](auto& s) { return s.look_ahead(); }); })
      .def_property_readonly(
          "samples_received",
          [](GuardedStream& stream) { return stream.use([](auto& s) { return s.samples_received(); }); })
      .def_property_readonly(
          "outputs_made", [](GuardedStream& stream) { return stream.use([](auto& s) { return s.outputs_made(); }); });
}

}  // namespace ecg2lab::bindings
