// An ECG as a caller has it, and in millivolt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/matrix.h"

namespace ecg2lab {

enum class SampleType { float32, float64, int16, int32 };
enum class Unit { microvolt, millivolt, volt, adc };
// As recordings name them, in the order of the enumeration.
inline constexpr std::array<std::string_view, 4> kUnitNames{"uV", "mV", "V", "adc"};

// Samples in the caller's memory: sample t of lead i at i · lead_stride + t · sample_stride, counted in samples.
struct RawSamples {
  const void* data;
  SampleType type;
  std::size_t leads;
  std::size_t samples;
  std::ptrdiff_t lead_stride;
  std::ptrdiff_t sample_stride;
};

// What the samples are.
struct RecordingFormat {
  Unit unit;
  std::vector<double> gain;      // counts per millivolt, for ADC counts: one, or one for each lead
  std::vector<double> baseline;  // count of zero volt; none: 0
  std::vector<std::string> leads;
  double sampling_rate_hz;
  std::optional<std::int32_t> missing_code = {};  // of integer samples: stands for one that is missing
};

struct RawRecording {
  RawSamples samples;
  RecordingFormat format;
};

// (leads, n) mV; NaN marks a missing sample. Where a caller has them so, they stay where they are.
class Millivolts {
 public:
  Millivolts() = default;
  explicit Millivolts(MatrixView<double> samples) : view_(samples) {}  // not copied
  Millivolts(std::unique_ptr<double[]> samples, std::size_t leads, std::size_t count)
      : own_(std::move(samples)), view_{own_.get(), leads, count} {}

  const MatrixView<double>& view() const { return view_; }

 private:
  std::unique_ptr<double[]> own_;
  MatrixView<double> view_;
};

struct Recording {
  Millivolts samples;
  std::vector<std::string> leads;  // as the network names them
  double sampling_rate_hz;
  std::vector<std::string> ignored = {};  // channels of its file that are no leads
};

// Brings samples of one format to millivolt.
class ToMillivolt {
 public:
  // Throws Error of kind `recording`.
  explicit ToMillivolt(const RecordingFormat& format);

  // A row for each lead of the format, in memory of their own.
  std::unique_ptr<double[]> convert(const RawSamples& raw) const;
  // The same, not copied where they are millivolt already, one lead after another.
  Millivolts operator()(const RawSamples& raw) const;

  const std::vector<std::string>& leads() const { return leads_; }  // as the network names them

 private:
  // millivolt = (sample - baseline) / gain · factor
  struct Scale {
    double baseline;
    double gain;
    double factor;
  };

  static std::vector<Scale> scales(const RecordingFormat& format);
  template <typename T>
  void convert(const RawSamples& raw, double* out) const;
  bool is_millivolt(const RawSamples& raw) const;

  std::vector<std::string> leads_;
  std::vector<Scale> scales_;
  std::optional<std::int32_t> missing_code_;
};

// Throws as ToMillivolt does, and if there are no samples.
Recording to_recording(const RawRecording& raw);

}  // namespace ecg2lab
