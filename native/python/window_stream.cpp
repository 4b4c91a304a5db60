#include "prepare/window_stream.h"

#include "guarded.h"
#include "prepare/for_contract.h"

namespace ecg2lab::bindings {
namespace {

using GuardedWindows = Guarded<WindowStream>;

// Raises RecordingError, BackendError, and ValueError on options that cannot be meant.
std::unique_ptr<GuardedWindows> open_window_stream(const Contract& contract,
                                                   const std::vector<std::string>& recorded_leads, double rate,
                                                   double hop_s, double longest_gap_s) {
  return std::make_unique<GuardedWindows>(open_windows(contract, recorded_leads, rate, {hop_s, longest_gap_s}));
}

// The window that is due: (begin, recorded begin, recorded samples, signal, lead reports, figures); none: None.
py::object due_window(GuardedWindows& stream) {
  auto due =
      stream.use([](WindowStream& s) { return s.due() > 0 ? std::optional<StreamWindow>(s.window()) : std::nullopt; });
  if (!due) return py::none();
  return py::make_tuple(due->begin, due->recorded_begin, due->recorded_samples,
                        to_rows(std::move(due->prepared.signal)), to_list(due->prepared.leads),
                        std::move(due->prepared.quality.value()));
}

py::list leads_off(GuardedWindows& stream) {
  py::list off;
  for (const StreamLeadReport& lead : stream.use([](WindowStream& s) { return s.preparation().leads(); })) {
    off.append(lead.lead_off);
  }
  return off;
}

}  // namespace

void bind_window_stream(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<GuardedWindows>(module, "WindowStream")
      .def(py::init(&open_window_stream), "contract"_a, "recorded_leads"_a, "rate"_a, "hop_s"_a, "longest_gap_s"_a)
      .def(
          "push",
          [](GuardedWindows& stream, const Array<double>& samples) {
            const auto matrix = view_2d(samples);
            stream.use([&](WindowStream& s) { s.push(matrix); });
          },
          "samples"_a.noconvert())
      .def("finish", [](GuardedWindows& stream) { stream.use([](auto& s) { s.finish(); }); })
      .def("reset", [](GuardedWindows& stream) { stream.use([](auto& s) { s.reset(); }); })
      .def("window", &due_window)
      .def("advance", [](GuardedWindows& stream) { stream.use([](auto& s) { s.advance(); }); })
      .def("save", [](GuardedWindows& stream) { return py::bytes(stream.use([](auto& s) { return s.save(); })); })
      .def(
          "restore",
          [](GuardedWindows& stream, const py::bytes& state) {
            const auto bytes = static_cast<std::string_view>(state);
            stream.use([&](auto& s) { s.restore(bytes); });
          },
          "state"_a)
      .def("leads_off", &leads_off)
      .def_property_readonly("hop", [](GuardedWindows& stream) { return stream.use([](auto& s) { return s.hop(); }); })
      .def_property_readonly(
          "look_ahead",
          [](GuardedWindows& stream) { return stream.use([](auto& s) { return s.preparation().look_ahead(); }); })
      .def_property_readonly("samples_received", [](GuardedWindows& stream) {
        return stream.use([](auto& s) { return s.preparation().samples_received(); });
      });
}

}  // namespace ecg2lab::bindings
