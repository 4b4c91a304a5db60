// Whether a recording is good enough to answer from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "base/message.h"
#include "contract/contract.h"
#include "contract/quality_limits.h"
#include "prepare/prepare.h"

namespace ecg2lab {

enum class QualityVerdict { accepted, warned, refused };

// One fault of one lead, or of the recording.
struct FoundFault {
  Fault fault;
  bool refuses;
  std::optional<std::size_t> lead;   // in the contract's order; none: of the recording
  std::optional<std::size_t> other;  // the lead that this one repeats
  double measured;
  double limit;
  std::optional<Message> message = {};
};

struct Quality {
  std::vector<FoundFault> faults;           // in the order of `Fault`, then of the leads
  std::vector<std::optional<Fault>> leads;  // in the contract's order: the first fault that refuses; none: good
  std::optional<Fault> refusal;             // the first of all
  std::optional<Message> message;           // none: not refused

  QualityVerdict verdict() const;
  ErrorKind kind() const;  // of the error that says so
};

// Without figures, of a preparation that did not measure them, only what a LeadReport says is judged. A lead without
// values for `longest_gap_s` is refused: a window, for a recording. Throws std::invalid_argument if the recording was
// prepared for other leads.
Quality judge(const Prepared& prepared, const Contract& contract, std::optional<double> longest_gap_s = {});

}  // namespace ecg2lab
