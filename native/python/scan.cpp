#include "engine/scan.h"

#include "bindings.h"
#include "engine/kernels/instruction_sets.h"

namespace ecg2lab::bindings {
namespace {

std::size_t size(const py::array& array, py::ssize_t axis) { return static_cast<std::size_t>(array.shape(axis)); }

Scan make_chunked(const Array<double>& a, const Array<double>& b, const Array<double>& c, const Array<double>& d,
                  std::size_t chunk, const std::string& instruction_set) {
  if (a.ndim() != 4 || b.ndim() != 3 || c.ndim() != 3 || d.ndim() != 1) {
    throw std::invalid_argument("a must be (D, H, N, N), b and c (D, H, N) and d (H)");
  }
  const py::ssize_t directions = b.shape(0), h = b.shape(1), n = b.shape(2);
  const bool same = a.shape(0) == directions && a.shape(1) == h && a.shape(2) == n && a.shape(3) == n &&
                    c.shape(0) == directions && c.shape(1) == h && c.shape(2) == n && d.shape(0) == h;
  if (!same) throw std::invalid_argument("the state space has inconsistent sizes");
  return Scan(StateSpace{size(b, 1), size(b, 2), size(b, 0), view(a), view(b), view(c), view(d)}, chunk,
              select_kernels(instruction_set));
}

Scan make_cascade(const Array<float>& h, const Array<float>& r, const Array<float>& taps, const Array<double>& d,
                  const std::string& instruction_set) {
  if (h.ndim() != 2 || r.ndim() != 2 || taps.ndim() != 3 || d.ndim() != 1) {
    throw std::invalid_argument("h and r must be (H, S), taps (D, H, 2S) and d (H)");
  }
  const bool same = r.shape(0) == h.shape(0) && r.shape(1) == h.shape(1) && taps.shape(1) == h.shape(0) &&
                    taps.shape(2) == 2 * h.shape(1) && d.shape(0) == h.shape(0);
  if (!same) throw std::invalid_argument("the cascade has inconsistent sizes");
  return Scan(KautzCascade{size(h, 0), size(h, 1), size(taps, 0), view(h), view(r), view(taps), view(d)},
              select_kernels(instruction_set));
}

py::array_t<float> run_scan(const Scan& scan, const Array<float>& u) {
  if (u.ndim() != 2 || size(u, 1) != scan.channels())
    throw std::invalid_argument("the input must be (length, channels)");
  std::vector<float> y(static_cast<std::size_t>(u.size()));
  {
    const auto in = view(u);
    const Unlocked unlocked;
    scan.run(in, y);
  }
  return to_array(std::move(y), {u.shape(0), u.shape(1)});
}

}  // namespace

void bind_scan(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Scan>(module, "Scan")
      .def(py::init(&make_chunked), "a"_a.noconvert(), "b"_a.noconvert(), "c"_a.noconvert(), "d"_a.noconvert(),
           "chunk"_a, "instruction_set"_a = "")
      .def_static("cascade", &make_cascade, "h"_a.noconvert(), "r"_a.noconvert(), "taps"_a.noconvert(),
                  "d"_a.noconvert(), "instruction_set"_a = "")
      .def("run", &run_scan, "u"_a.noconvert());
}

}  // namespace ecg2lab::bindings
