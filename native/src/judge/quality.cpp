#include "judge/quality.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "judge/words.h"

namespace ecg2lab {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

class Judge {
 public:
  Judge(const Prepared& prepared, const Contract& contract, double longest_gap_s)
      : prepared_(prepared),
        reports_(prepared.leads),
        figures_(prepared.figures ? &*prepared.figures : nullptr),
        contract_(contract),
        longest_gap_s_(longest_gap_s) {}

  Quality judge();

 private:
  Limit limit(Fault fault) const;
  double measured(Fault fault) const;
  double measured(Fault fault, std::size_t lead) const;
  bool exceeds(Fault fault, double measured, double limit) const;
  void find(Fault fault, double measured, std::optional<std::size_t> lead);

  const Prepared& prepared_;
  const std::vector<LeadReport>& reports_;
  const QualityFigures* figures_;
  const Contract& contract_;
  double longest_gap_s_;
  Quality quality_;
};

// Of those that the contract does not limit: the window.
Limit Judge::limit(Fault fault) const {
  switch (fault) {
    case Fault::too_short:
      return {{}, contract_.signal.window_s()};
    case Fault::empty:
      return {{}, 0.5};
    case Fault::gap:
      return {{}, longest_gap_s_};
    default:
      return contract_.quality.of(fault);
  }
}

double Judge::measured(Fault fault) const {
  if (fault == Fault::too_short) {
    return static_cast<double>(prepared_.signal.columns) / contract_.signal.sampling_rate_hz;
  }
  if (figures_ != nullptr) return figures_->recording[index_of(fault)];
  if (fault != Fault::too_small) return kNaN;
  double largest = 0;
  for (const LeadReport& lead : reports_) largest = std::max(largest, lead.peak_to_peak_mv);
  return largest;
}

double Judge::measured(Fault fault, std::size_t lead) const {
  const LeadReport& report = reports_[lead];
  const auto samples = static_cast<double>(prepared_.recorded_samples);
  switch (fault) {
    case Fault::empty:
      return report.empty ? 1 : 0;
    case Fault::gap:
      return static_cast<double>(report.longest_gap) / prepared_.recorded_rate_hz;
    case Fault::missing:
      return static_cast<double>(report.missing_samples) / samples;
    case Fault::clipped:
      return static_cast<double>(report.clipped_samples) / samples;
    case Fault::flat:
      if (report.flat) return 1;
      break;
    default:
      break;
  }
  return figures_ == nullptr ? kNaN : figures_->leads[lead][index_of(fault)];
}

// No comparison with NaN holds.
bool Judge::exceeds(Fault fault, double measured, double limit) const {
  switch (fault) {
    case Fault::too_short:  // to the sample
      return prepared_.signal.columns < contract_.signal.window_samples;
    case Fault::gap:  // likewise
      return std::round(measured * prepared_.recorded_rate_hz) >= limit * prepared_.recorded_rate_hz;
    default:
      return rule_of(fault).below ? measured < limit : measured > limit;
  }
}

void Judge::find(Fault fault, double measured, std::optional<std::size_t> lead) {
  const Limit limits = limit(fault);
  const bool refuses = limits.refuse && exceeds(fault, measured, *limits.refuse);
  if (!refuses && !(limits.warn && exceeds(fault, measured, *limits.warn))) return;
  FoundFault found{.fault = fault,
                   .refuses = refuses,
                   .lead = lead,
                   .other = {},
                   .measured = measured,
                   .limit = refuses ? *limits.refuse : *limits.warn};
  if (fault == Fault::duplicate) found.other = figures_->most_alike[*lead];
  found.message = describe(found, reports_, contract_);
  if (lead && refuses && !quality_.leads[*lead]) quality_.leads[*lead] = fault;
  quality_.faults.push_back(std::move(found));
}

Quality Judge::judge() {
  quality_.leads.resize(reports_.size());
  for (std::size_t i = 0; i < kFaults; ++i) {
    const auto fault = static_cast<Fault>(i);
    if (!rule_of(fault).per_lead) {
      find(fault, measured(fault), {});
      continue;
    }
    for (std::size_t lead = 0; lead < reports_.size(); ++lead) {
      if (quality_.leads[lead] != Fault::empty) find(fault, measured(fault, lead), lead);
    }
  }
  std::vector<const FoundFault*> first;
  for (const FoundFault& fault : quality_.faults) {
    if (fault.refuses && (first.empty() || fault.fault == first.front()->fault)) first.push_back(&fault);
  }
  if (first.empty()) return std::move(quality_);
  quality_.refusal = first.front()->fault;
  quality_.message = describe_refusal(first, reports_, contract_);
  return std::move(quality_);
}

}  // namespace

QualityVerdict Quality::verdict() const {
  if (refusal) return QualityVerdict::refused;
  return faults.empty() ? QualityVerdict::accepted : QualityVerdict::warned;
}

ErrorKind Quality::kind() const { return refusal == Fault::too_short ? ErrorKind::recording : ErrorKind::quality; }

Quality judge(const Prepared& prepared, const Contract& contract, std::optional<double> longest_gap_s) {
  const std::size_t leads = contract.signal.leads.size();
  if (prepared.leads.size() != leads || (prepared.figures && prepared.figures->leads.size() != leads)) {
    throw std::invalid_argument("the recording was prepared for other leads");
  }
  return Judge(prepared, contract, longest_gap_s.value_or(contract.signal.window_s())).judge();
}

}  // namespace ecg2lab
