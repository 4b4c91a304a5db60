#include "judge/words.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/number_text.h"

namespace ecg2lab {
namespace {

std::string percent(double share) { return number_text(100 * share); }

// What is said of one lead; after it come the refusal for one lead and the one for several.
MessageCode code_of(const FoundFault& fault, bool constant) {
  switch (fault.fault) {
#define ECG2LAB_SAYS(name) \
  case Fault::name:        \
    return MessageCode::fault_##name
    ECG2LAB_SAYS(empty);
    ECG2LAB_SAYS(gap);
    ECG2LAB_SAYS(missing);
    ECG2LAB_SAYS(saturated);
    ECG2LAB_SAYS(noise);
    ECG2LAB_SAYS(wander);
    ECG2LAB_SAYS(mains);
    ECG2LAB_SAYS(bsqi);
    ECG2LAB_SAYS(ksqi);
    ECG2LAB_SAYS(ssqi);
    ECG2LAB_SAYS(psqi);
    ECG2LAB_SAYS(bassqi);
    ECG2LAB_SAYS(duplicate);
    ECG2LAB_SAYS(limb_algebra);
    ECG2LAB_SAYS(arm_reversal);
#undef ECG2LAB_SAYS
    case Fault::flat:
      return constant ? MessageCode::fault_constant : MessageCode::fault_flat;
    case Fault::clipped:
      return fault.limit >= 0.5 ? MessageCode::fault_mostly_clipped : MessageCode::fault_clipped;
    case Fault::too_short:
    case Fault::too_small:
    case Fault::too_large:
    case Fault::paced:
      break;
  }
  throw std::logic_error("this fault is of no lead");
}

// What a sentence needs besides the names of leads.
std::vector<std::string> figures_of(MessageCode code, const FoundFault& fault, const Contract& contract) {
  std::vector<std::string> figures;
  for (const std::string_view name : parameter_names(rule_of(code).pattern)) {
    if (name == "range") figures.push_back(number_text(contract.preprocessing.clip_mv));
    if (name != "limit") continue;
    const bool share = fault.fault == Fault::missing || fault.fault == Fault::flat || fault.fault == Fault::clipped ||
                       fault.fault == Fault::saturated;
    figures.push_back(share ? percent(fault.limit) : number_text(fault.limit));
  }
  return figures;
}

Message of_leads(MessageCode code, const std::string& names, const FoundFault& fault, const Contract& contract) {
  std::vector<std::string> values = figures_of(code, fault, contract);
  values.insert(values.begin(), names);
  return Message(code, std::move(values));
}

Message of_recording(const FoundFault& fault) {
  const std::string limit = number_text(fault.limit);
  switch (fault.fault) {
    case Fault::too_short:
      return say<MessageCode::recording_too_short>(number_text(fault.measured), limit);
    case Fault::too_small:
      return fault.refuses ? say<MessageCode::recording_too_small>(limit) : say<MessageCode::fault_too_small>(limit);
    case Fault::too_large:
      return say<MessageCode::fault_too_large>(limit);
    case Fault::paced:
      return say<MessageCode::fault_paced>(limit);
    default:
      throw std::logic_error("this fault is of a lead");
  }
}

}  // namespace

Message describe(const FoundFault& fault, const std::vector<LeadReport>& reports, const Contract& contract) {
  if (!fault.lead) return of_recording(fault);
  const std::string& lead = contract.signal.leads[*fault.lead];
  if (fault.other) return say<MessageCode::fault_same_as>(lead, contract.signal.leads[*fault.other]);
  return of_leads(code_of(fault, reports[*fault.lead].flat), lead, fault, contract);
}

Message describe_refusal(const std::vector<const FoundFault*>& faults, const std::vector<LeadReport>& reports,
                         const Contract& contract) {
  if (!faults.front()->lead) return of_recording(*faults.front());
  std::string names;
  for (const FoundFault* fault : faults) names += (names.empty() ? "" : ", ") + contract.signal.leads[*fault->lead];
  const bool constant =
      std::all_of(faults.begin(), faults.end(), [&](const auto* f) { return reports[*f->lead].flat; });
  using enum MessageCode;
  static_assert(static_cast<int>(refusal_gap) == static_cast<int>(fault_gap) + 1 &&
                static_cast<int>(refusal_gap_leads) == static_cast<int>(fault_gap) + 2);
  const int form = faults.size() > 1 ? 2 : 1;
  const auto code = MessageCode(static_cast<int>(code_of(*faults.front(), constant)) + form);
  return of_leads(code, names, *faults.front(), contract);
}

}  // namespace ecg2lab
