// How far two lists of numbers lie apart.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

// The largest difference; infinite where one list is longer, or a difference is no finite number.
template <class T>
double distance(const std::vector<T>& left, const std::vector<T>& right) {
  double largest = left.size() == right.size() ? 0 : HUGE_VAL;
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
    if (left[i] == right[i]) continue;  // both infinite, perhaps
    const double difference = std::fabs(static_cast<double>(left[i]) - static_cast<double>(right[i]));
    if (!(difference <= largest)) largest = std::isfinite(difference) ? difference : HUGE_VAL;
  }
  return largest;
}
