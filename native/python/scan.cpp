#include "scan.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

Scan make_scan(const Array<double>& a, const Array<double>& b, const Array<double>& c, const Array<double>& d,
               std::size_t chunk) {
  if (a.ndim() != 4 || b.ndim() != 3 || c.ndim() != 3 || d.ndim() != 1) {
    throw std::invalid_argument("a must be (D, H, N, N), b and c (D, H, N) and d (H)");
  }
  const py::ssize_t directions = b.shape(0), h = b.shape(1), n = b.shape(2);
  const bool same = a.shape(0) == directions && a.shape(1) == h && a.shape(2) == n && a.shape(3) == n &&
                    c.shape(0) == directions && c.shape(1) == h && c.shape(2) == n && d.shape(0) == h;
  if (!same) throw std::invalid_argument("the state space has inconsistent sizes");
  return Scan({static_cast<std::size_t>(h), static_cast<std::size_t>(n), static_cast<std::size_t>(directions), view(a),
               view(b), view(c), view(d)},
              chunk);
}

py::array_t<float> run_scan(const Scan& scan, const Array<float>& u) {
  if (u.ndim() != 2 || static_cast<std::size_t>(u.shape(1)) != scan.channels()) {
    throw std::invalid_argument("the input must be (length, channels)");
  }
  std::vector<float> y(static_cast<std::size_t>(u.size()));
  {
    const auto in = view(u);
    const py::gil_scoped_release release;
    scan.run(in, y);
  }
  return to_array(std::move(y), {u.shape(0), u.shape(1)});
}

}  // namespace

void bind_scan(py::module_& module) {
  using py::literals::operator""_a;
  py::class_<Scan>(module, "Scan")
      .def(py::init(&make_scan), "a"_a.noconvert(), "b"_a.noconvert(), "c"_a.noconvert(), "d"_a.noconvert(), "chunk"_a)
      .def("run", &run_scan, "u"_a.noconvert());
}

}  // namespace ecg2lab::bindings
