#include "prepare/recording.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/errors.h"
#include "base/number_text.h"
#include "prepare/lead_names.h"

namespace ecg2lab {
namespace {

constexpr double kLowestRateHz = 100, kHighestRateHz = 2000;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::recording, why); }

struct NamedUnit {
  const char* name;
  double millivolt;
};
constexpr std::array<NamedUnit, 3> kVoltages{{{"uV", 1e-3}, {"mV", 1.0}, {"V", 1e3}}};  // in the order of `Unit`

// millivolt = (sample - baseline) / gain for counts, else sample · factor.
struct Scale {
  double baseline;
  double gain;
  double factor;

  double operator()(double sample) const { return (sample - baseline) / gain * factor; }
};

double per_lead(const std::vector<double>& values, std::size_t lead) { return values[values.size() == 1 ? 0 : lead]; }

void check_per_lead(const char* name, const std::vector<double>& values, std::size_t leads) {
  const bool finite = std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
  if ((values.size() != 1 && values.size() != leads) || !finite) {
    refuse(std::string(name) + " must be one number or one for each of " + std::to_string(leads) + " leads");
  }
}

// One for each lead.
std::vector<Scale> scales(const RawRecording& raw) {
  const std::size_t leads = raw.samples.leads;
  if (raw.unit != Unit::adc) {
    const NamedUnit& unit = kVoltages[static_cast<std::size_t>(raw.unit)];
    const bool zero = std::all_of(raw.baseline.begin(), raw.baseline.end(), [](double x) { return x == 0; });
    if (!raw.gain.empty() || !zero) {
      refuse(std::string("gain and baseline belong to unit 'adc', not to '") + unit.name + "'");
    }
    return std::vector<Scale>(leads, {0, 1, unit.millivolt});
  }
  if (raw.gain.empty()) refuse("unit 'adc' needs the gain in counts per millivolt");
  check_per_lead("gain", raw.gain, leads);
  if (!std::all_of(raw.gain.begin(), raw.gain.end(), [](double x) { return x > 0; })) {
    refuse("gain must be positive and finite, in counts per millivolt");
  }
  if (!raw.baseline.empty()) check_per_lead("baseline", raw.baseline, leads);
  std::vector<Scale> all;
  for (std::size_t lead = 0; lead < leads; ++lead) {
    all.push_back({raw.baseline.empty() ? 0 : per_lead(raw.baseline, lead), per_lead(raw.gain, lead), 1});
  }
  return all;
}

template <typename T>
void convert(const RawSamples& raw, const std::vector<Scale>& scales, Matrix<double>& out) {
  for (std::size_t lead = 0; lead < raw.leads; ++lead) {
    const T* from = static_cast<const T*>(raw.data) + lead * raw.lead_stride;
    const Scale& scale = scales[lead];
    for (double& sample : out.row(lead)) {
      sample = scale(static_cast<double>(*from));
      from += raw.sample_stride;
    }
  }
}

}  // namespace

Recording to_recording(const RawRecording& raw) {
  const double rate = raw.sampling_rate_hz;
  Recording recording{.samples = {}, .leads = canonical_leads(raw.leads), .sampling_rate_hz = rate};
  if (!(rate >= kLowestRateHz && rate <= kHighestRateHz)) {
    refuse("sampling rate " + number_text(rate) + " Hz is outside " + number_text(kLowestRateHz) + " to " +
           number_text(kHighestRateHz) + " Hz");
  }
  if (raw.samples.leads == 0 || raw.samples.samples == 0) refuse("the recording has no samples");
  const auto all = scales(raw);
  recording.samples = Matrix<double>(raw.samples.leads, raw.samples.samples);
  switch (raw.samples.type) {
    case SampleType::float32:
      convert<float>(raw.samples, all, recording.samples);
      break;
    case SampleType::float64:
      convert<double>(raw.samples, all, recording.samples);
      break;
    case SampleType::int16:
      convert<std::int16_t>(raw.samples, all, recording.samples);
      break;
  }
  return recording;
}

}  // namespace ecg2lab
