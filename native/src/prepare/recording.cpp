#include "prepare/recording.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/errors.h"
#include "base/lead_names.h"
#include "base/number_text.h"

namespace ecg2lab {
namespace {

constexpr double kLowestRateHz = 100, kHighestRateHz = 2000;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::recording, why); }

struct NamedUnit {
  const char* name;
  double millivolt;
};
constexpr std::array<NamedUnit, 3> kVoltages{{{"uV", 1e-3}, {"mV", 1.0}, {"V", 1e3}}};  // in the order of `Unit`

double per_lead(const std::vector<double>& values, std::size_t lead) { return values[values.size() == 1 ? 0 : lead]; }

void check_per_lead(const char* name, const std::vector<double>& values, std::size_t leads) {
  const bool finite = std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
  if ((values.size() != 1 && values.size() != leads) || !finite) {
    refuse(std::string(name) + " must be one number or one for each of " + std::to_string(leads) + " leads");
  }
}

}  // namespace

ToMillivolt::ToMillivolt(const RecordingFormat& format) : leads_(canonical_leads(format.leads)) {
  const double rate = format.sampling_rate_hz;
  if (!(rate >= kLowestRateHz && rate <= kHighestRateHz)) {
    refuse("sampling rate " + number_text(rate) + " Hz is outside " + number_text(kLowestRateHz) + " to " +
           number_text(kHighestRateHz) + " Hz");
  }
  scales_ = scales(format);
}

// One for each lead.
std::vector<ToMillivolt::Scale> ToMillivolt::scales(const RecordingFormat& format) {
  const std::size_t leads = format.leads.size();
  if (format.unit != Unit::adc) {
    const NamedUnit& unit = kVoltages[static_cast<std::size_t>(format.unit)];
    const bool zero = std::all_of(format.baseline.begin(), format.baseline.end(), [](double x) { return x == 0; });
    if (!format.gain.empty() || !zero) {
      refuse(std::string("gain and baseline belong to unit 'adc', not to '") + unit.name + "'");
    }
    return std::vector<Scale>(leads, {0, 1, unit.millivolt});
  }
  if (format.gain.empty()) refuse("unit 'adc' needs the gain in counts per millivolt");
  check_per_lead("gain", format.gain, leads);
  if (!std::all_of(format.gain.begin(), format.gain.end(), [](double x) { return x > 0; })) {
    refuse("gain must be positive and finite, in counts per millivolt");
  }
  if (!format.baseline.empty()) check_per_lead("baseline", format.baseline, leads);
  std::vector<Scale> all;
  for (std::size_t lead = 0; lead < leads; ++lead) {
    all.push_back({format.baseline.empty() ? 0 : per_lead(format.baseline, lead), per_lead(format.gain, lead), 1});
  }
  return all;
}

template <typename T>
void ToMillivolt::convert(const RawSamples& raw, Matrix<double>& out) const {
  for (std::size_t lead = 0; lead < raw.leads; ++lead) {
    const T* from = static_cast<const T*>(raw.data) + lead * raw.lead_stride;
    const Scale& scale = scales_[lead];
    for (double& sample : out.row(lead)) {
      sample = scale(static_cast<double>(*from));
      from += raw.sample_stride;
    }
  }
}

Matrix<double> ToMillivolt::operator()(const RawSamples& raw) const {
  Matrix<double> out(leads_.size(), raw.samples);
  switch (raw.type) {
    case SampleType::float32:
      convert<float>(raw, out);
      break;
    case SampleType::float64:
      convert<double>(raw, out);
      break;
    case SampleType::int16:
      convert<std::int16_t>(raw, out);
      break;
  }
  return out;
}

Recording to_recording(const RawRecording& raw) {
  const ToMillivolt to_millivolt(raw.format);
  if (raw.samples.leads == 0 || raw.samples.samples == 0) refuse("the recording has no samples");
  return {.samples = to_millivolt(raw.samples),
          .leads = to_millivolt.leads(),
          .sampling_rate_hz = raw.format.sampling_rate_hz};
}

}  // namespace ecg2lab
