#include "patient/impute.h"

#include <cmath>
#include <stdexcept>

namespace ecg2lab {
namespace {

template <typename T, typename IsMissing>
std::vector<std::size_t> impute(std::span<T> values, std::span<const T> substitutes, std::span<std::uint8_t> imputed,
                                IsMissing is_missing) {
  if (values.size() != substitutes.size() || values.size() != imputed.size()) {
    throw std::invalid_argument("as many values as substitutes are needed");
  }
  std::vector<std::size_t> impossible;
  for (std::size_t i = 0; i < values.size(); ++i) {
    imputed[i] = is_missing(values[i]);
    if (!imputed[i]) continue;
    if (is_missing(substitutes[i])) impossible.push_back(i);
    values[i] = substitutes[i];
  }
  return impossible;
}

}  // namespace

std::vector<std::size_t> impute_continuous(std::span<float> values, std::span<const float> medians,
                                           std::span<std::uint8_t> imputed) {
  return impute<float>(values, medians, imputed, [](float x) { return std::isnan(x); });
}

std::vector<std::size_t> impute_categorical(std::span<std::int64_t> codes, std::span<const std::int64_t> missing_codes,
                                            std::span<std::uint8_t> imputed) {
  return impute<std::int64_t>(codes, missing_codes, imputed, [](std::int64_t x) { return x < 0; });
}

}  // namespace ecg2lab
