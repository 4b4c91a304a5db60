// The sentences of the quality gate.
#pragma once

#include <vector>

#include "judge/quality.h"

namespace ecg2lab {

// Of one fault.
Message describe(const FoundFault& fault, const std::vector<LeadReport>& reports, const Contract& contract);

// Of a refusal: `faults` are of one kind, and refuse.
Message describe_refusal(const std::vector<const FoundFault*>& faults, const std::vector<LeadReport>& reports,
                         const Contract& contract);

}  // namespace ecg2lab
