// Which samples of a lead stand out, or lie at its ends. D: doubles, of `simd/doubles_*.h`.
#pragma once

#include <algorithm>
#include <functional>

#include "survey.h"
#include "table.h"

namespace ecg2lab {
namespace {

template <class D>
double sharpest(const double* lead, std::size_t length, std::size_t reach) {
  const D minus = D::broadcast(-1);
  D most = D::broadcast(0);
  std::size_t t = reach;
  for (; t + reach + D::kWidth <= length; t += D::kWidth) {
    const D x = D::load(lead + t);
    const D before = multiply_add(minus, D::load(lead + t - reach), x);
    const D after = multiply_add(minus, D::load(lead + t + reach), x);
    most = larger(larger(smaller(before, after), minus * larger(before, after)), most);
  }
  double all = fold(most, 0, [](double a, double b) { return std::max(a, b); });
  for (; t + reach < length; ++t) {
    const double before = lead[t] - lead[t - reach], after = lead[t] - lead[t + reach];
    all = std::max({all, std::min(before, after), -std::max(before, after)});
  }
  return all;
}

template <class D>
std::size_t count_between(const double* lead, std::size_t length, double lowest, double highest) {
  const D low = D::broadcast(lowest), high = D::broadcast(highest);
  D between = D::broadcast(0);
  std::size_t t = 0;
  for (; t + D::kWidth <= length; t += D::kWidth) {
    const D x = D::load(lead + t);
    between = between + one_where_less(low, x) * one_where_less(x, high);
  }
  auto all = static_cast<std::size_t>(fold(between, 0, std::plus<>()));
  for (; t < length; ++t) all += lowest < lead[t] && lead[t] < highest;
  return all;
}

}  // namespace
}  // namespace ecg2lab
