// Missing samples: NaN in a lead.
#pragma once

#include <cstddef>
#include <span>

namespace ecg2lab {

struct MissingCount {
  std::size_t samples = 0;      // in all
  std::size_t longest_run = 0;  // without a break
};

// Interpolates runs of NaN linearly and holds the nearest value at both ends; a lead without any value stays NaN.
MissingCount interpolate_missing(std::span<double> lead);

}  // namespace ecg2lab
