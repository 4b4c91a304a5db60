#include "prepare/quality.h"

#include <algorithm>

#include "base/number_text.h"

namespace ecg2lab {
namespace {

LeadVerdict judge_lead(const LeadReport& lead, const RecordedLength& recorded) {
  const auto samples = static_cast<double>(recorded.samples);
  if (lead.empty) return LeadVerdict::empty;
  if (static_cast<double>(lead.longest_gap) >= recorded.longest_gap_s * recorded.rate_hz) return LeadVerdict::gap;
  if (lead.flat) return LeadVerdict::flat;
  if (static_cast<double>(lead.clipped_samples) > samples / 2) return LeadVerdict::clipped;
  return LeadVerdict::good;
}

struct Fault {
  LeadVerdict verdict;
  QualityRefusal refusal;
  std::string said;
};

std::vector<Fault> faults(double longest_gap_s, double clip_mv) {
  return {
      {LeadVerdict::empty, QualityRefusal::empty, "without any value (all NaN)"},
      {LeadVerdict::gap, QualityRefusal::gap, "without values for " + number_text(longest_gap_s) + " s or longer"},
      {LeadVerdict::flat, QualityRefusal::flat, "flat: every sample is the same"},
      {LeadVerdict::clipped, QualityRefusal::clipped,
       "mostly beyond ±" + number_text(clip_mv) + " mV (is the unit right?)"},
  };
}

std::vector<std::string> leads_with(LeadVerdict verdict, const Quality& quality, const Signal& wanted) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < quality.leads.size(); ++i) {
    if (quality.leads[i] == verdict) names.push_back(wanted.leads[i]);
  }
  return names;
}

std::string refuse_leads(const std::vector<std::string>& names, const std::string& fault) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return (names.size() > 1 ? "leads " : "lead ") + all + " " + fault + "; check the electrodes and record again";
}

void refuse(Quality& quality, QualityRefusal refusal, const std::string& message) {
  quality.refusal = refusal;
  quality.message = message;
}

}  // namespace

ErrorKind Quality::kind() const {
  return refusal == QualityRefusal::too_short ? ErrorKind::recording : ErrorKind::quality;
}

Quality judge_quality(std::span<const LeadReport> leads, std::size_t prepared_samples, const RecordedLength& recorded,
                      const Signal& wanted, const Preprocessing& preprocessing) {
  const double window_s = wanted.window_s();
  Quality quality;
  double largest = 0;
  for (const LeadReport& lead : leads) {
    quality.leads.push_back(judge_lead(lead, recorded));
    largest = std::max(largest, lead.peak_to_peak_mv);
  }
  if (prepared_samples < wanted.window_samples) {
    const double seconds = static_cast<double>(prepared_samples) / wanted.sampling_rate_hz;
    refuse(quality, QualityRefusal::too_short,
           "the recording is too short: " + number_text(seconds) + " s, and the model needs " + number_text(window_s) +
               " s");
    return quality;
  }
  for (const Fault& fault : faults(recorded.longest_gap_s, preprocessing.clip_mv)) {
    const auto names = leads_with(fault.verdict, quality, wanted);
    if (names.empty()) continue;
    refuse(quality, fault.refusal, refuse_leads(names, fault.said));
    return quality;
  }
  if (largest < kSmallestEcgMv) {
    refuse(quality, QualityRefusal::too_small,
           "no lead varies by more than " + number_text(largest, 2) +
               " mV: this is no ECG, or its unit is not the one given");
  }
  return quality;
}

}  // namespace ecg2lab
