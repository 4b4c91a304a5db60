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

// What the samples are.
struct RecordingFormat {
  Unit unit;
  std::vector<double> gain;      // counts per millivolt, for ADC counts: one, or one for each lead
  std::vector<double> baseline;  // count of zero volt; none: 0
  std::vector<std::string> leads;
  double sampling_rate_hz;
};

struct RawRecording {
  RawSamples samples;
  RecordingFormat format;
};

struct Recording {
  Matrix<double> samples;  // (leads, n) mV; NaN marks a missing sample
  std::vector<std::string> leads;
  double sampling_rate_hz;

  double duration_s() const { return static_cast<double>(samples.columns) / sampling_rate_hz; }
};

// Brings samples of one format to millivolt.
class ToMillivolt {
 public:
  // Throws Error of kind `recording`, with the sentences of sdk/ecg2lab/recording.py.
  explicit ToMillivolt(const RecordingFormat& format);

  // A row for each lead of the format.
  Matrix<double> operator()(const RawSamples& raw) const;

  const std::vector<std::string>& leads() const { return leads_; }  // as the network names them

 private:
  // millivolt = (sample - baseline) / gain · factor
  struct Scale {
    double baseline;
    double gain;
    double factor;

    double operator()(double sample) const { return (sample - baseline) / gain * factor; }
  };

  static std::vector<Scale> scales(const RecordingFormat& format);
  template <typename T>
  void convert(const RawSamples& raw, Matrix<double>& out) const;

  std::vector<std::string> leads_;
  std::vector<Scale> scales_;
};

// Throws as ToMillivolt does, and if there are no samples.
Recording to_recording(const RawRecording& raw);

}  // namespace ecg2lab
