// What only the recording's own samples show: rails and pacemaker spikes.
#pragma once

#include <cstddef>

#include "signal/kernels/table.h"

namespace ecg2lab {

// Share of the samples that lie at the highest or the lowest value of the lead for 8 ms or longer; 0 unless that
// happens three times, or once for 200 ms: a peak may be flat by rounding.
double share_at_rails(const double* lead, std::size_t count, double rate_hz, const SignalKernels& kernels);

// How far a sample stands out from those 4 ms before and after it: the highest in each two seconds, of these the
// median; NaN below 400 Hz, where a spike of some milliseconds and a QRS complex look alike.
double usual_spike(const double* lead, std::size_t count, double rate_hz, const SignalKernels& kernels);

}  // namespace ecg2lab
