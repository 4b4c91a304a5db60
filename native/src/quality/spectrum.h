// What the signals of a piece hold in which band, and how their values are distributed.
#pragma once

#include <cstddef>
#include <vector>

#include "quality/rows.h"

namespace ecg2lab {

// One number for each lane.
using Lanes = std::vector<double>;

struct Moments {
  Lanes variance, skewness, kurtosis;  // the last two are NaN where there is no variance
};
Moments moments(const Rows& rows);

Lanes variance(const Rows& rows);
// Peak to peak in each second: (seconds, lanes). What remains of a second belongs to the one before.
Rows range_in_seconds(const Rows& rows, double rate_hz);

// Of the parts of 32 ms that hold less than their average does, the root mean square: what lies between the QRS
// complexes.
Lanes floor_level(const Rows& rows, double rate_hz);

// Amplitude at one frequency: the root of the mean square over parts of a second.
Lanes amplitude_at(const Rows& rows, double frequency_hz, double rate_hz);

// Inner products of every two lanes, over every second row: (lanes, lanes), symmetric.
std::vector<double> inner_products(const Rows& rows);

}  // namespace ecg2lab
