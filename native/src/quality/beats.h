// bSQI: whether two detectors that are fooled by different things find the same beats.
#pragma once

#include <vector>

#include "quality/rows.h"

namespace ecg2lab {

// A feature of the QRS complex, summed over hops of a few rows: (hops, lanes).
struct BeatFeature {
  Rows hops;
  double hop_s;
};

// Root of the energy, as of Pan & Tompkins (IEEE Trans Biomed Eng 1985), for a signal of 5 to 15 Hz.
BeatFeature energy_feature(const Rows& rows, double rate_hz);
// Length of the curve, as of Zong, Moody & Jiang (Computers in Cardiology 2003), for one of 5 to 40 Hz.
BeatFeature length_feature(const Rows& rows, double rate_hz);

// Beats found by both, within 150 ms, over those found by either, in one lane (Li, Mark & Clifford, Physiol Meas
// 2008); NaN if neither finds two.
double agreement(const BeatFeature& a, const BeatFeature& b, std::size_t lane);

}  // namespace ecg2lab
