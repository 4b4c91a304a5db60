#include "missing.h"

#include <algorithm>
#include <cmath>

namespace ecg2lab {

MissingCount interpolate_missing(std::span<double> lead) {
  const std::size_t length = lead.size();
  MissingCount missing;
  std::size_t run = 0;
  std::size_t known = length;  // the last sample that has a value; length: none yet
  for (std::size_t t = 0; t < length; ++t) {
    if (std::isnan(lead[t])) {
      ++missing.samples;
      missing.longest_run = std::max(missing.longest_run, ++run);
      continue;
    }
    run = 0;
    if (known == length) {
      std::fill_n(lead.begin(), t, lead[t]);
    } else {
      const double slope = (lead[t] - lead[known]) / static_cast<double>(t - known);
      for (std::size_t s = known + 1; s < t; ++s) lead[s] = lead[known] + slope * static_cast<double>(s - known);
    }
    known = t;
  }
  if (known != length) std::fill(lead.begin() + static_cast<std::ptrdiff_t>(known) + 1, lead.end(), lead[known]);
  return missing;
}

}  // namespace ecg2lab
