// Leads one by one: surveyed and clipped. D: doubles, of `vectors_*.h`.
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

template <class D>
void clip(const double* in, double limit, float* out, std::size_t length) {
  const D high = D::broadcast(limit), low = D::broadcast(-limit);
  std::size_t i = 0;
  for (; i + D::kWidth <= length; i += D::kWidth) {
    larger(smaller(D::load(in + i), high), low).store_as_float(out + i);
  }
  for (; i < length; ++i) out[i] = static_cast<float>(in[i] > limit ? limit : in[i] < -limit ? -limit : in[i]);
}

}  // namespace
}  // namespace ecg2lab
