// Whether a recording is good enough to answer from.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/errors.h"
#include "bundle/contract.h"
#include "prepare/prepare.h"

namespace ecg2lab {

// Peak to peak in the largest lead. Low voltage in medicine begins at 0.5 mV in the limb leads.
inline constexpr double kSmallestEcgMv = 0.05;

// What is wrong with a lead: the first of these that holds.
enum class LeadVerdict {
  good,
  empty,    // not a single value
  gap,      // no value for as long as RecordedLength::longest_gap_s
  flat,     // every sample is the same
  clipped,  // more than half of the samples are beyond the clip limit
};

// Why a recording is refused: the first of these that holds.
enum class QualityRefusal {
  none,
  too_short,  // of kind `recording`; all others are of kind `quality`
  empty,
  gap,
  flat,
  clipped,
  too_small,  // no lead varies by as much as kSmallestEcgMv
};

struct Quality {
  std::vector<LeadVerdict> leads;  // in the contract's order
  QualityRefusal refusal = QualityRefusal::none;
  std::string message;  // empty: not refused

  ErrorKind kind() const;  // of the error that says so
};

// The recording, or a window of a stream, before it was brought to the contract's rate.
struct RecordedLength {
  std::size_t samples;
  double rate_hz;
  double longest_gap_s;  // a lead without values for as long is refused: a window, for a recording
};

// `leads` and `prepared_samples` are of the prepared signal.
Quality judge_quality(std::span<const LeadReport> leads, std::size_t prepared_samples, const RecordedLength& recorded,
                      const Signal& wanted, const Preprocessing& preprocessing);

}  // namespace ecg2lab
