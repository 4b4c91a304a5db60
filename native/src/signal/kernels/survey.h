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

// Of every second vector: two are counted in turns, since each waits for what it found before.
template <class D>
struct Turn {
  D lowest, highest, missing;

  void add(D x) {
    lowest = smaller(x, lowest);
    highest = larger(x, highest);
    missing = missing + one_where_nan(x);
  }
};

template <class D>
std::size_t count_beyond(const double* lead, std::size_t length, double limit) {
  const D high = D::broadcast(limit), low = D::broadcast(-limit);
  D beyond = D::broadcast(0);
  std::size_t t = 0;
  for (; t + D::kWidth <= length; t += D::kWidth) {
    const D x = D::load(lead + t);
    beyond = beyond + (one_where_less(high, x) + one_where_less(x, low));
  }
  auto all = static_cast<std::size_t>(fold(beyond, 0, std::plus<>()));
  for (; t < length; ++t) all += lead[t] > limit || lead[t] < -limit;
  return all;
}

template <class D>
Survey survey(const double* lead, std::size_t length, double limit) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::size_t kTurns = 2;
  Turn<D> turns[kTurns];
  for (auto& turn : turns) turn = {D::broadcast(kInfinity), D::broadcast(-kInfinity), D::broadcast(0)};
  std::size_t t = 0;
  for (; t + kTurns * D::kWidth <= length; t += kTurns * D::kWidth) {
    for (std::size_t i = 0; i < kTurns; ++i) turns[i].add(D::load(lead + t + i * D::kWidth));
  }
  Survey all{kInfinity, -kInfinity, 0, 0};
  for (const auto& turn : turns) {
    all.lowest = fold(turn.lowest, all.lowest, [](double a, double b) { return std::min(a, b); });
    all.highest = fold(turn.highest, all.highest, [](double a, double b) { return std::max(a, b); });
    all.missing += static_cast<std::size_t>(fold(turn.missing, 0, std::plus<>()));
  }
  for (; t < length; ++t) {
    all.lowest = lead[t] < all.lowest ? lead[t] : all.lowest;
    all.highest = lead[t] > all.highest ? lead[t] : all.highest;
    all.missing += std::isnan(lead[t]);
  }
  if (all.highest > limit || all.lowest < -limit) all.beyond = count_beyond<D>(lead, length, limit);
  return all;
}

}  // namespace
}  // namespace ecg2lab
