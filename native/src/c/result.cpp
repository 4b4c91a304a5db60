#include "c/result.h"

#include <algorithm>
#include <limits>

#include "c/status.h"

namespace ecg2lab::c {
namespace {

ecg2lab_lead_verdict to_c(const LeadAnswer& lead) {
  if (lead.missing) return ECG2LAB_LEAD_MISSING;
  if (!lead.verdict) return ECG2LAB_LEAD_NOT_JUDGED;
  switch (*lead.verdict) {
    case LeadVerdict::good:
      return ECG2LAB_LEAD_GOOD;
    case LeadVerdict::empty:
      return ECG2LAB_LEAD_EMPTY;
    case LeadVerdict::gap:
      return ECG2LAB_LEAD_GAP;
    case LeadVerdict::flat:
      return ECG2LAB_LEAD_FLAT;
    case LeadVerdict::clipped:
      return ECG2LAB_LEAD_CLIPPED;
  }
  return ECG2LAB_LEAD_NOT_JUDGED;
}

ecg2lab_refusal quality_refusal(QualityRefusal refusal) {
  switch (refusal) {
    case QualityRefusal::none:
      return ECG2LAB_REFUSAL_NONE;
    case QualityRefusal::too_short:
      return ECG2LAB_REFUSAL_TOO_SHORT;
    case QualityRefusal::empty:
      return ECG2LAB_REFUSAL_EMPTY;
    case QualityRefusal::gap:
      return ECG2LAB_REFUSAL_GAP;
    case QualityRefusal::flat:
      return ECG2LAB_REFUSAL_FLAT;
    case QualityRefusal::clipped:
      return ECG2LAB_REFUSAL_CLIPPED;
    case QualityRefusal::too_small:
      return ECG2LAB_REFUSAL_TOO_SMALL;
  }
  return ECG2LAB_REFUSAL_NONE;
}

ecg2lab_refusal refusal_of(const Answer& answer) {
  if (!answer.refused) return ECG2LAB_REFUSAL_NONE;
  if (answer.refused->quality != QualityRefusal::none) return quality_refusal(answer.refused->quality);
  if (answer.refused->kind == ErrorKind::patient) return ECG2LAB_REFUSAL_PATIENT;
  const bool missing = std::any_of(answer.leads.begin(), answer.leads.end(), [](const auto& l) { return l.missing; });
  return missing ? ECG2LAB_REFUSAL_MISSING_LEADS : ECG2LAB_REFUSAL_RECORDING;
}

}  // namespace

Result::Result(std::shared_ptr<const LoadedModel> model, Answer answer, SourceFields source)
    : ecg2lab_result{}, model_(std::move(model)), answer_(std::move(answer)), source_fields_(std::move(source)) {
  add_leads();
  add_findings();
  add_imputed();
  for (const std::string& fact : answer_.features.unused) unused_.push_back(fact.c_str());
  for (const auto& [name, value] : source_fields_) source_list_.add({.name = name.c_str(), .value = value.c_str()});
  fill();
}

void Result::add_leads() {
  const auto& names = model_->model().contract().signal.leads;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const LeadReport& report = answer_.leads[i].report;
    lead_list_.add({.name = names[i].c_str(),
                    .verdict = to_c(answer_.leads[i]),
                    .derived = report.derived,
                    .missing_samples = report.missing_samples,
                    .clipped_samples = report.clipped_samples,
                    .longest_gap = report.longest_gap,
                    .peak_to_peak_mv = report.peak_to_peak_mv});
  }
}

void Result::add_findings() {
  for (std::size_t i = 0; i < answer_.findings.size(); ++i) {
    const Decision& decision = answer_.findings[i];
    const ecg2lab_target* target = model_->description().targets[i];
    finding_list_.add({.target = target,
                       .probability = decision.probability,
                       .lowest = decision.lowest,
                       .highest = decision.highest,
                       .decision_threshold = target->decision_threshold,
                       .detected = static_cast<int32_t>(decision.verdict)});
  }
}

void Result::add_imputed() {
  const Contract& contract = model_->model().contract();
  for (const std::size_t i : answer_.features.imputed_continuous) {
    const ContinuousFeature& feature = contract.continuous[i];
    imputed_list_.add({.name = feature.name.c_str(), .number = feature.median.value(), .word = nullptr});
  }
  for (const std::size_t i : answer_.features.imputed_categorical) {
    const CategoricalFeature& feature = contract.categorical[i];
    const auto code = static_cast<std::size_t>(feature.missing_code.value());
    imputed_list_.add({.name = feature.name.c_str(),
                       .number = std::numeric_limits<double>::quiet_NaN(),
                       .word = feature.categories.at(code).c_str()});
  }
}

void Result::fill() {
  const ecg2lab_description& description = model_->description();
  struct_size = sizeof(ecg2lab_result);
  status = answer_.refused ? status_of(answer_.refused->kind) : ECG2LAB_OK;
  refusal = refusal_of(answer_);
  message = answer_.refused ? answer_.refused->message.c_str() : "";
  notice = description.notice;
  model_name = description.name;
  bundle_digest = description.bundle_digest;
  leads = lead_list_.data(), lead_count = lead_list_.size();
  findings = finding_list_.data(), finding_count = finding_list_.size();
  imputed = imputed_list_.data(), imputed_count = imputed_list_.size();
  unused_facts = unused_.data(), unused_fact_count = unused_.size();
  duration_s = answer_.duration_s;
  window_count = answer_.windows;
  unused_s = answer_.unused_s;
  source = source_list_.data(), source_count = source_list_.size();
  window_begin = answer_.begin;
}

}  // namespace ecg2lab::c
