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

// None: more samples are needed.
std::optional<StreamWindow> due_window(GuardedWindows& stream) {
  return stream.use([](WindowStream& s) { return s.due() > 0 ? std::optional(s.window()) : std::nullopt; });
}

std::vector<bool> leads_off(GuardedWindows& stream) {
  std::vector<bool> off;
  for (const StreamLeadReport& lead : stream.use([](WindowStream& s) { return s.preparation().leads(); })) {
    off.push_back(lead.lead_off);
  }
  return off;
}

}  // namespace

void bind_window_stream(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Position>(module, "Position")
      .def_readonly("window", &Position::window)
      .def_readonly("first_sample", &Position::first_sample)
      .def_readonly("last_sample", &Position::last_sample)
      .def_readonly("begin_s", &Position::begin_s)
      .def_readonly("end_s", &Position::end_s)
      .def_readonly("since_s", &Position::since_s)
      .def_readonly("behind_s", &Position::behind_s)
      .def_readonly("look_ahead_s", &Position::look_ahead_s)
      .def_readonly("begin_time", &Position::begin_time);
  py::class_<StreamWindow>(module, "StreamWindow")
      .def_readonly("prepared", &StreamWindow::prepared)
      .def_readonly("position", &StreamWindow::position);
  py::class_<GuardedWindows>(module, "WindowStream")
      .def(py::init(&open_window_stream), "contract"_a, "recorded_leads"_a, "rate"_a, "hop_s"_a, "longest_gap_s"_a)
      .def(
          "push",
          [](GuardedWindows& stream, const Array<double>& samples) {
            const auto matrix = view_2d(samples);
            stream.use([&](WindowStream& s) { s.push(matrix); });
          },
          "samples"_a.noconvert())
      .def(
          "check",
          [](GuardedWindows& stream, const Array<double>& samples) {
            const auto matrix = view_2d(samples);
            stream.use([&](WindowStream& s) { s.check(matrix); });
          },
          "samples"_a.noconvert())
      .def("finish", [](GuardedWindows& stream) { stream.use([](auto& s) { s.finish(); }); })
      .def("reset", [](GuardedWindows& stream) { stream.use([](auto& s) { s.reset(); }); })
      .def("window", &due_window)
      .def_property_readonly("full",
                             [](GuardedWindows& stream) { return stream.use([](auto& s) { return s.full(); }); })
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
