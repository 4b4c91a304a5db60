#include "prepare/recording.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/errors.h"
#include "base/number_text.h"
#include "base/sizes.h"
#include "contract/lead_names.h"

namespace ecg2lab {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr double kLowestRateHz = 100, kHighestRateHz = 2000;

[[noreturn]] void refuse(Message why) { throw Error(ErrorKind::recording, std::move(why)); }

constexpr std::array kMillivolt{1e-3, 1.0, 1e3};  // in the order of `Unit`

double per_lead(const std::vector<double>& values, std::size_t lead) { return values[values.size() == 1 ? 0 : lead]; }

void check_per_lead(const char* name, const std::vector<double>& values, std::size_t leads) {
  if (values.size() != 1 && values.size() != leads) {
    refuse(say<MessageCode::recording_not_per_lead>(name, std::to_string(leads)));
  }
  const bool finite = std::all_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); });
  if (!finite) refuse(say<MessageCode::recording_not_finite>(name));
}

}  // namespace

ToMillivolt::ToMillivolt(const RecordingFormat& format)
    : leads_(canonical_leads(format.leads)), missing_code_(format.missing_code) {
  const double rate = format.sampling_rate_hz;
  if (!(rate >= kLowestRateHz && rate <= kHighestRateHz)) {
    refuse(say<MessageCode::recording_sampling_rate>(number_text(rate), number_text(kLowestRateHz),
                                                     number_text(kHighestRateHz)));
  }
  scales_ = scales(format);
}

// One for each lead.
std::vector<ToMillivolt::Scale> ToMillivolt::scales(const RecordingFormat& format) {
  const std::size_t leads = format.leads.size();
  if (format.unit != Unit::adc) {
    const auto unit = static_cast<std::size_t>(format.unit);
    const bool zero = std::all_of(format.baseline.begin(), format.baseline.end(), [](double x) { return x == 0; });
    if (!format.gain.empty() || !zero) {
      refuse(say<MessageCode::recording_gain_of_unit>(kUnitNames[unit]));
    }
    return std::vector<Scale>(leads, {0, 1, kMillivolt[unit]});
  }
  if (format.gain.empty()) refuse(say<MessageCode::recording_no_gain>());
  check_per_lead("gain", format.gain, leads);
  if (!std::all_of(format.gain.begin(), format.gain.end(), [](double x) { return x > 0; })) {
    refuse(say<MessageCode::recording_gain_not_positive>());
  }
  if (!format.baseline.empty()) check_per_lead("baseline", format.baseline, leads);
  std::vector<Scale> all;
  for (std::size_t lead = 0; lead < leads; ++lead) {
    all.push_back({format.baseline.empty() ? 0 : per_lead(format.baseline, lead), per_lead(format.gain, lead), 1});
  }
  return all;
}

template <typename T>
void ToMillivolt::convert(const RawSamples& raw, double* out) const {
  for (std::size_t lead = 0; lead < raw.leads; ++lead, out += raw.samples) {
    const T* const from = static_cast<const T*>(raw.data) + static_cast<std::ptrdiff_t>(lead) * raw.lead_stride;
    const auto sample = [&](std::size_t t) {
      return static_cast<double>(from[static_cast<std::ptrdiff_t>(t) * raw.sample_stride]);
    };
    const auto [baseline, gain, factor] = scales_[lead];
    if (baseline == 0 && gain == 1 && raw.sample_stride == 1) {  // the common case, which a compiler makes vectors of
      for (std::size_t t = 0; t < raw.samples; ++t) out[t] = static_cast<double>(from[t]) * factor;
    } else if (baseline == 0 && gain == 1) {  // a division takes as long as all else
      for (std::size_t t = 0; t < raw.samples; ++t) out[t] = sample(t) * factor;
    } else {
      for (std::size_t t = 0; t < raw.samples; ++t) out[t] = (sample(t) - baseline) / gain * factor;
    }
    if constexpr (std::is_integral_v<T>) {
      if (!missing_code_) continue;
      for (std::size_t t = 0; t < raw.samples; ++t) {
        if (from[static_cast<std::ptrdiff_t>(t) * raw.sample_stride] == *missing_code_) out[t] = kMissing;
      }
    }
  }
}

std::unique_ptr<double[]> ToMillivolt::convert(const RawSamples& raw) const {
  auto out = std::make_unique_for_overwrite<double[]>(checked_product(leads_.size(), raw.samples));
  switch (raw.type) {
    case SampleType::float32:
      convert<float>(raw, out.get());
      break;
    case SampleType::float64:
      convert<double>(raw, out.get());
      break;
    case SampleType::int16:
      convert<std::int16_t>(raw, out.get());
      break;
    case SampleType::int32:
      convert<std::int32_t>(raw, out.get());
      break;
  }
  return out;
}

bool ToMillivolt::is_millivolt(const RawSamples& raw) const {
  const bool contiguous =
      raw.sample_stride == 1 && (raw.leads == 1 || raw.lead_stride == static_cast<std::ptrdiff_t>(raw.samples));
  return raw.type == SampleType::float64 && contiguous && std::all_of(scales_.begin(), scales_.end(), [](auto& scale) {
           return scale.baseline == 0 && scale.gain == 1 && scale.factor == 1;
         });
}

Millivolts ToMillivolt::operator()(const RawSamples& raw) const {
  if (!is_millivolt(raw)) return {convert(raw), leads_.size(), raw.samples};
  return Millivolts({static_cast<const double*>(raw.data), raw.leads, raw.samples});
}

Recording to_recording(const RawRecording& raw) {
  const ToMillivolt to_millivolt(raw.format);
  if (raw.samples.leads == 0 || raw.samples.samples == 0) refuse(say<MessageCode::recording_no_samples>());
  return {.samples = to_millivolt(raw.samples),
          .leads = to_millivolt.leads(),
          .sampling_rate_hz = raw.format.sampling_rate_hz};
}

}  // namespace ecg2lab
