#include "judge/words.h"

#include <algorithm>

#include "base/number_text.h"

namespace ecg2lab {
namespace {

std::string percent(double share) { return number_text(100 * share) + " %"; }

std::string clipped(double limit, double clip_mv) {
  const std::string range = "beyond ±" + number_text(clip_mv) + " mV";
  if (limit >= 0.5) return "mostly " + range + " (is the unit right?)";
  return range + " for more than " + percent(limit) + " of the time";
}

std::string index_below(const char* index, double limit) {
  return std::string("with a ") + index + " below " + number_text(limit);
}

// What is said after the names of leads.
std::string of_leads(const FoundFault& fault, bool constant, const Contract& contract) {
  const double limit = fault.limit;
  switch (fault.fault) {
    case Fault::empty:
      return "without any value (all NaN)";
    case Fault::gap:
      return "without values for " + number_text(limit) + " s or longer";
    case Fault::missing:
      return "without values for more than " + percent(limit) + " of the time";
    case Fault::flat:
      return constant ? "flat: every sample is the same" : "flat for more than " + percent(limit) + " of the time";
    case Fault::clipped:
      return clipped(limit, contract.preprocessing.clip_mv);
    case Fault::saturated:
      return "at an end of the amplifier's range for more than " + percent(limit) + " of the time";
    case Fault::noise:
      return "with noise above " + number_text(limit) + " mV";
    case Fault::wander:
      return "with a baseline that wanders by more than " + number_text(limit) + " mV";
    case Fault::mains:
      return "with mains hum above " + number_text(limit) + " mV";
    case Fault::bsqi:
      return "in which two detectors find different beats (bSQI below " + number_text(limit) + ")";
    case Fault::ksqi:
      return index_below("kSQI", limit);
    case Fault::ssqi:
      return index_below("sSQI", limit);
    case Fault::psqi:
      return index_below("pSQI", limit);
    case Fault::bassqi:
      return index_below("basSQI", limit);
    case Fault::duplicate:
      return "the same as another lead";
    case Fault::limb_algebra:
      return "in contradiction to leads I and II (Einthoven)";
    case Fault::arm_reversal:
      return "opposed to V6: the arm electrodes, or V1 and V6, may be exchanged";
    default:
      return std::string(rule_of(fault.fault).name);
  }
}

std::string of_recording(const FoundFault& fault) {
  const std::string limit = number_text(fault.limit);
  switch (fault.fault) {
    case Fault::too_short:
      return "the recording is too short: " + number_text(fault.measured) + " s, and the model needs " + limit + " s";
    case Fault::too_small:
      if (fault.refuses)
        return "the leads vary by less than " + limit + " mV: this is no ECG, or its unit is not the one given";
      return "the leads vary by less than " + limit + " mV: are gain and unit right?";
    case Fault::too_large:
      return "the leads vary by more than " + limit + " mV: are gain and unit right?";
    case Fault::paced:
      return "there are spikes above " + limit + " mV: the rhythm may be paced";
    default:
      return std::string(rule_of(fault.fault).name);
  }
}

}  // namespace

std::string describe(const FoundFault& fault, const std::vector<LeadReport>& reports, const Contract& contract) {
  if (!fault.lead) return of_recording(fault);
  const auto& names = contract.signal.leads;
  const std::string lead = "lead " + names[*fault.lead] + " ";
  if (fault.other) return lead + "the same as lead " + names[*fault.other];
  return lead + of_leads(fault, reports[*fault.lead].flat, contract);
}

std::string describe_refusal(const std::vector<const FoundFault*>& faults, const std::vector<LeadReport>& reports,
                             const Contract& contract) {
  if (!faults.front()->lead) return of_recording(*faults.front());
  std::string names;
  for (const FoundFault* fault : faults) names += (names.empty() ? "" : ", ") + contract.signal.leads[*fault->lead];
  const bool constant =
      std::all_of(faults.begin(), faults.end(), [&](const auto* f) { return reports[*f->lead].flat; });
  return (faults.size() > 1 ? "leads " : "lead ") + names + " " + of_leads(*faults.front(), constant, contract) +
         "; check the electrodes and record again";
}

}  // namespace ecg2lab
