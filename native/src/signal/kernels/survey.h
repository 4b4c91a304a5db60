// What a lead looks like. D: doubles, of `simd/doubles_*.h`.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "table.h"

namespace ecg2lab {
namespace {

template <class D, class Function>
double fold(D vector, double start, Function function) {
  double lanes[D::kWidth];
  vector.store(lanes);
  for (const double lane : lanes) start = function(start, lane);
  return start;
}

template <class D>
Survey survey(const double* lead, std::size_t length, double limit) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const D high = D::broadcast(limit), low = D::broadcast(-limit);
  D lowest = D::broadcast(kInfinity), highest = D::broadcast(-kInfinity), beyond = D::broadcast(0), missing = beyond;
  std::size_t t = 0;
  for (; t + D::kWidth <= length; t += D::kWidth) {
    const D x = D::load(lead + t);
    lowest = smaller(x, lowest);
    highest = larger(x, highest);
    beyond = beyond + (one_where_less(high, x) + one_where_less(x, low));
    missing = missing + one_where_nan(x);
  }
  Survey all{fold(lowest, kInfinity, [](double a, double b) { return std::min(a, b); }),
             fold(highest, -kInfinity, [](double a, double b) { return std::max(a, b); }),
             static_cast<std::size_t>(fold(missing, 0, std::plus<>())),
             static_cast<std::size_t>(fold(beyond, 0, std::plus<>()))};
  for (; t < length; ++t) {
    all.lowest = lead[t] < all.lowest ? lead[t] : all.lowest;
    all.highest = lead[t] > all.highest ? lead[t] : all.highest;
    all.beyond += lead[t] > limit || lead[t] < -limit;
    all.missing += std::isnan(lead[t]);
  }
  return all;
}

}  // namespace
}  // namespace ecg2lab
