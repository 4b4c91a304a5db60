#include "answer/notes.h"

#include <algorithm>
#include <cmath>

#include "contract/lead_names.h"

namespace ecg2lab {
namespace {

const char* verdict_name(QualityVerdict verdict) {
  switch (verdict) {
    case QualityVerdict::accepted:
      return "accepted";
    case QualityVerdict::warned:
      return "warnings";
    case QualityVerdict::refused:
      return "refused";
  }
  return "";
}

FaultNote describe_fault(const FoundFault& fault, const std::vector<std::string>& leads) {
  const auto name = [&](std::optional<std::size_t> lead) { return lead ? std::optional(leads[*lead]) : std::nullopt; };
  return {.fault = std::string(rule_of(fault.fault).name),
          .severity = fault.refuses ? "refusal" : "warning",
          .lead = name(fault.lead),
          .other_lead = name(fault.other),
          .measured = fault.measured,
          .limit = fault.limit,
          .message = fault.message->text()};
}

// Those that were measured, by the name of their fault.
Named<double> describe_figures(const Figures& figures) {
  Named<double> measured;
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (!std::isnan(figures[i])) measured.emplace_back(kFaultRules[i].name, figures[i]);
  }
  return measured;
}

bool contains(const std::vector<std::string>& names, const std::string& name, std::size_t first = SIZE_MAX) {
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(std::min(first, names.size()));
  return std::find(names.begin(), end, name) != end;
}

}  // namespace

QualityNote describe_quality(const Quality& quality, const Prepared& prepared, const Contract& contract) {
  QualityNote note{.verdict = verdict_name(quality.verdict()), .faults = {}, .leads = {}, .recording = {}};
  for (const FoundFault& fault : quality.faults) note.faults.push_back(describe_fault(fault, contract.signal.leads));
  if (!prepared.figures) return note;
  for (std::size_t i = 0; i < prepared.figures->leads.size(); ++i) {
    note.leads.emplace_back(contract.signal.leads[i], describe_figures(prepared.figures->leads[i]));
  }
  note.recording = describe_figures(prepared.figures->recording);
  return note;
}

RecordingNote describe_recording(const Prepared& prepared, const std::vector<std::string>& recorded,
                                 const std::vector<std::string>& ignored, std::size_t windows,
                                 const Contract& contract) {
  const Signal& signal = contract.signal;
  const std::size_t unused = prepared.signal.columns - windows * signal.window_samples;
  RecordingNote note{.duration_s = prepared.duration_s(),
                     .sampling_rate_hz = prepared.recorded_rate_hz,
                     .windows = windows,
                     .unused_s = static_cast<double>(unused) / signal.sampling_rate_hz};
  for (std::size_t i = 0; i < prepared.leads.size(); ++i) {
    const LeadReport& lead = prepared.leads[i];
    if (lead.derived) note.derived_leads.push_back(signal.leads[i]);
    if (lead.missing_samples > 0) note.missing_samples.emplace_back(signal.leads[i], lead.missing_samples);
    if (lead.clipped_samples > 0) note.clipped_samples.emplace_back(signal.leads[i], lead.clipped_samples);
  }
  for (const std::string& lead : recorded) {
    const bool source = !note.derived_leads.empty() && contains(standard_leads(), lead, kLimbLeadCount);
    if (!source && !contains(signal.leads, lead)) note.ignored_channels.push_back(lead);
  }
  note.ignored_channels.insert(note.ignored_channels.end(), ignored.begin(), ignored.end());
  return note;
}

FindingNote describe_finding(const Verdict& verdict, const Target& target) {
  FindingNote note{.target = target.name,
                   .code = code_of(target),
                   .criterion = target.criterion,
                   .probability = verdict.probability,
                   .lowest = verdict.lowest,
                   .highest = verdict.highest,
                   .verdict = std::string(word_of(verdict.word)),
                   .reason = verdict.reason(),
                   .base_rate = verdict.base_rate,
                   .ratio = verdict.ratio(),
                   .rule = {},
                   .operating_point = {},
                   .decision_threshold = verdict.threshold,
                   .detected = verdict.detected()};
  if (target.decision) note.rule = target.decision->rule;
  if (verdict.point) note.operating_point = target.decision->points[*verdict.point];
  return note;
}

ExperienceNote describe_experience(const Familiarity& familiarity) {
  return {.distance = familiarity.distance,
          .limit = familiarity.limit,
          .quantile = familiarity.quantile,
          .outside = familiarity.outside(),
          .reasons = texts(familiarity.reasons)};
}

}  // namespace ecg2lab
