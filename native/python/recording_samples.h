// Samples of an ECG as Python has them.
#pragma once

#include "bindings.h"
#include "prepare/recording.h"

namespace ecg2lab::bindings {

// What samples are, checked.
struct Format {
  ToMillivolt to_millivolt;
  double sampling_rate_hz;
};

// Where they lie; nothing is copied. Throws std::invalid_argument or TypeError unless they are (leads, n) of a type
// that the core reads.
RawSamples raw_samples(const py::array& samples, const Format& format);

}  // namespace ecg2lab::bindings
