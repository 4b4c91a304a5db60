#include "prepare/prepare_stream.h"

#include "guarded.h"

namespace ecg2lab::bindings {
namespace {

using GuardedStream = Guarded<PrepareStream>;

std::unique_ptr<GuardedStream> open_prepare_stream(const std::vector<std::string>& recorded_leads, double rate,
                                                   const std::vector<std::string>& leads, double sampling_rate_hz,
                                                   double clip_mv, std::size_t longest_gap) {
  const PrepareOptions options{leads, sampling_rate_hz, clip_mv, {}};
  return std::make_unique<GuardedStream>(PrepareStream(recorded_leads, rate, options, longest_gap));
}

py::array_t<float> push(GuardedStream& stream, const Array<double>& samples) {
  const auto matrix = view_2d(samples);
  return to_rows(stream.use([&](PrepareStream& s) { return s.push(matrix); }));
}

py::list lead_reports(GuardedStream& stream) {
  py::list reports;
  for (const StreamLeadReport& lead : stream.use([](PrepareStream& s) { return s.leads(); })) {
    py::dict report;
    report["missing_samples"] = lead.missing_samples;
    report["clipped_samples"] = lead.clipped_samples;
    report["longest_gap"] = lead.longest_gap;
    report["held_until"] = lead.held_until;
    report["derived"] = lead.derived;
    report["lead_off"] = lead.lead_off;
    reports.append(report);
  }
  return reports;
}

}  // namespace

void bind_prepare_stream(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<GuardedStream>(module, "PrepareStream")
      .def(py::init(&open_prepare_stream), "recorded_leads"_a, "rate"_a, "leads"_a, "sampling_rate_hz"_a, "clip_mv"_a,
           "longest_gap"_a)
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
      .def("leads", &lead_reports)
      .def_property_readonly("look_ahead",
                             [](GuardedStream& stream) { return stream.use([](auto& s) { return s.look_ahead(); }); })
      .def_property_readonly(
          "samples_received",
          [](GuardedStream& stream) { return stream.use([](auto& s) { return s.samples_received(); }); })
      .def_property_readonly(
          "outputs_made", [](GuardedStream& stream) { return stream.use([](auto& s) { return s.outputs_made(); }); });
}

}  // namespace ecg2lab::bindings
