// An ECG as a caller has it, and in millivolt.
#pragma once

#include <string>
#include <vector>

#include "base/matrix.h"

namespace ecg2lab {

enum class SampleType { float32, float64, int16 };
enum class Unit { microvolt, millivolt, volt, adc };

// Samples in the caller's memory: sample t of lead i at i · lead_stride + t · sample_stride, counted in samples.
struct RawSamples {
  const void* data;
  SampleType type;
  std::size_t leads;
  std::size_t samples;
  std::size_t lead_stride;
  std::size_t sample_stride;
};

struct RawRecording {
  RawSamples samples;
  Unit unit;
  std::vector<double> gain;      // counts per millivolt, for ADC counts: one, or one for each lead
  std::vector<double> baseline;  // count of zero volt; none: 0
  std::vector<std::string> leads;
  double sampling_rate_hz;
};

struct Recording {
  Matrix<double> samples;  // (leads, n) mV; NaN marks a missing sample
  std::vector<std::string> leads;
  double sampling_rate_hz;

  double duration_s() const { return static_cast<double>(samples.columns) / sampling_rate_hz; }
};

// Throws Error of kind `recording`, with the sentences of sdk/ecg2lab/recording.py.
Recording to_recording(const RawRecording& raw);

}  // namespace ecg2lab
