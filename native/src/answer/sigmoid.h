// From a logit to a probability.
#pragma once

#include <cmath>

namespace ecg2lab {

inline double sigmoid(double logit) { return 1 / (1 + std::exp(-logit)); }

}  // namespace ecg2lab
