#include "base/cpu.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

py::tuple to_tuple(const std::vector<std::string>& names) { return py::tuple(py::cast(names)); }

}  // namespace

void bind_cpu(py::module_& module) {
  using py::literals::operator""_a;
  module.def("cpu_features", [] { return to_tuple(cpu_features()); });
  module.def(
      "decode_x86",
      [](std::uint32_t leaf1_ecx, std::uint32_t leaf7_ebx, std::uint32_t leaf7_ecx, std::uint32_t leaf7_edx,
         std::uint32_t leaf7_1_eax, std::uint64_t xcr0) {
        return to_tuple(decode_x86({leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax, xcr0}));
      },
      py::kw_only(), "leaf1_ecx"_a = 0, "leaf7_ebx"_a = 0, "leaf7_ecx"_a = 0, "leaf7_edx"_a = 0, "leaf7_1_eax"_a = 0,
      "xcr0"_a = 0);
}

}  // namespace ecg2lab::bindings
