#include "patient/impute.h"

#include "bindings.h"

namespace ecg2lab::bindings {
namespace {

// Returns (values, imputed, indices that could not be imputed).
template <typename T, typename Impute>
py::tuple impute_array(const Array<T>& values, const Array<T>& substitutes, Impute impute) {
  std::vector<T> filled(values.data(), values.data() + values.size());
  std::vector<std::uint8_t> imputed(filled.size());
  const std::vector<std::size_t> impossible = impute(std::span<T>(filled), view(substitutes), std::span(imputed));
  const auto size = static_cast<py::ssize_t>(filled.size());
  return py::make_tuple(to_array(std::move(filled), {size}), to_array(std::move(imputed), {size}), impossible);
}

}  // namespace

void bind_impute(py::module_& module) {
  using py::literals::operator""_a;
  module.def(
      "impute_continuous",
      [](const Array<float>& values, const Array<float>& medians) {
        return impute_array<float>(values, medians, impute_continuous);
      },
      "values"_a.noconvert(), "medians"_a.noconvert());
  module.def(
      "impute_categorical",
      [](const Array<std::int64_t>& codes, const Array<std::int64_t>& missing_codes) {
        return impute_array<std::int64_t>(codes, missing_codes, impute_categorical);
      },
      "codes"_a.noconvert(), "missing_codes"_a.noconvert());
}

}  // namespace ecg2lab::bindings
