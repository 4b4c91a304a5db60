// Missing samples: NaN in a lead.
#pragma once

#include <span>

namespace ecg2lab {

// Interpolates runs of NaN linearly and holds the nearest value at both ends. Returns how many samples were missing;
// a lead without any value stays NaN throughout and returns its length.
std::size_t interpolate_missing(std::span<double> lead);

}  // namespace ecg2lab
