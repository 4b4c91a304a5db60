#include "c/result.h"

#include <algorithm>
#include <limits>

#include "answer/answer_json.h"
#include "c/status.h"

namespace ecg2lab::c {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Codes that are older than those of the faults.
struct Codes {
  ecg2lab_lead_verdict lead;
  ecg2lab_refusal refusal;
};

Codes codes_of(Fault fault) {
  switch (fault) {
    case Fault::too_short:
      return {ECG2LAB_LEAD_GOOD, ECG2LAB_REFUSAL_TOO_SHORT};
    case Fault::empty:
      return {ECG2LAB_LEAD_EMPTY, ECG2LAB_REFUSAL_EMPTY};
    case Fault::gap:
      return {ECG2LAB_LEAD_GAP, ECG2LAB_REFUSAL_GAP};
    case Fault::flat:
      return {ECG2LAB_LEAD_FLAT, ECG2LAB_REFUSAL_FLAT};
    case Fault::clipped:
      return {ECG2LAB_LEAD_CLIPPED, ECG2LAB_REFUSAL_CLIPPED};
    case Fault::too_small:
      return {ECG2LAB_LEAD_GOOD, ECG2LAB_REFUSAL_TOO_SMALL};
    default:
      return {ECG2LAB_LEAD_FAULTY, ECG2LAB_REFUSAL_FAULT};
  }
}

ecg2lab_lead_verdict verdict_of(const Answer& answer, std::size_t lead) {
  if (answer.leads[lead].missing) return ECG2LAB_LEAD_MISSING;
  if (!answer.quality) return ECG2LAB_LEAD_NOT_JUDGED;
  const std::optional<Fault>& fault = answer.quality->leads[lead];
  return fault ? codes_of(*fault).lead : ECG2LAB_LEAD_GOOD;
}

ecg2lab_quality quality_of(const Answer& answer) {
  if (!answer.quality) return ECG2LAB_QUALITY_NOT_JUDGED;
  switch (answer.quality->verdict()) {
    case QualityVerdict::accepted:
      return ECG2LAB_QUALITY_ACCEPTED;
    case QualityVerdict::warned:
      return ECG2LAB_QUALITY_WARNINGS;
    case QualityVerdict::refused:
      return ECG2LAB_QUALITY_REFUSED;
  }
  return ECG2LAB_QUALITY_NOT_JUDGED;
}

ecg2lab_refusal refusal_of(const Answer& answer) {
  if (!answer.refused) return ECG2LAB_REFUSAL_NONE;
  if (answer.refused->fault) return codes_of(*answer.refused->fault).refusal;
  if (answer.refused->kind == ErrorKind::patient) return ECG2LAB_REFUSAL_PATIENT;
  const bool missing = std::any_of(answer.leads.begin(), answer.leads.end(), [](const auto& l) { return l.missing; });
  return missing ? ECG2LAB_REFUSAL_MISSING_LEADS : ECG2LAB_REFUSAL_RECORDING;
}

ecg2lab_experience experience_of(const std::optional<Familiarity>& familiarity) {
  if (familiarity && familiarity->outside()) return ECG2LAB_EXPERIENCE_OUTSIDE;
  return familiarity && familiarity->limit ? ECG2LAB_EXPERIENCE_INSIDE : ECG2LAB_EXPERIENCE_NOT_JUDGED;
}

}  // namespace

Result::Result(std::shared_ptr<const Description> model, Answer answer, SourceFields source, bool asked)
    : ecg2lab_result{},
      model_(std::move(model)),
      answer_(std::move(answer)),
      asked_(asked),
      source_fields_(std::move(source)) {
  add_leads();
  add_faults();
  add_findings();
  add_imputed();
  add_explanations();
  for (const std::string& fact : answer_.features.unused) unused_.push_back(fact.c_str());
  for (const std::string& fact : answer_.features.out_of_range) out_of_range_.push_back(fact.c_str());
  for (const auto& [name, value] : source_fields_) source_list_.add({.name = name.c_str(), .value = value.c_str()});
  fill();
}

void Result::add_leads() {
  const auto& names = model_->contract().signal.leads;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const LeadReport& report = answer_.leads[i].report;
    const auto figure = [&](Fault fault) { return answer_.leads[i].figures[index_of(fault)]; };
    lead_list_.add({.name = names[i].c_str(),
                    .verdict = verdict_of(answer_, i),
                    .derived = report.derived,
                    .missing_samples = report.missing_samples,
                    .clipped_samples = report.clipped_samples,
                    .longest_gap = report.longest_gap,
                    .peak_to_peak_mv = report.peak_to_peak_mv,
                    .flat_share = figure(Fault::flat),
                    .saturated_share = figure(Fault::saturated),
                    .noise_mv = figure(Fault::noise),
                    .wander_mv = figure(Fault::wander),
                    .mains_mv = figure(Fault::mains),
                    .bsqi = figure(Fault::bsqi),
                    .ksqi = figure(Fault::ksqi),
                    .ssqi = figure(Fault::ssqi),
                    .psqi = figure(Fault::psqi),
                    .bassqi = figure(Fault::bassqi)});
  }
}

void Result::add_faults() {
  if (!answer_.quality) return;
  const auto& names = model_->contract().signal.leads;
  for (const FoundFault& fault : answer_.quality->faults) {
    const ecg2lab_message* const said = said_.add(*fault.message);
    fault_list_.add({.code = static_cast<int32_t>(index_of(fault.fault)) + 1,
                     .refuses = fault.refuses,
                     .name = rule_of(fault.fault).name.data(),  // of a literal: it ends with a zero
                     .lead = fault.lead ? names[*fault.lead].c_str() : nullptr,
                     .other_lead = fault.other ? names[*fault.other].c_str() : nullptr,
                     .measured = fault.measured,
                     .limit = fault.limit,
                     .message = said->text,
                     .said = said});
  }
}

void Result::add_findings() {
  for (std::size_t i = 0; i < answer_.findings.size(); ++i) {
    const Verdict& verdict = answer_.findings[i];
    const std::optional<Decision>& decision = model_->contract().targets[i].decision;
    const std::optional<bool> detected = verdict.detected();
    SaidMessages& reasons = reasons_.make();
    for (const Message& reason : verdict.reasons) reasons.add(reason);
    finding_list_.add(
        {.target = model_->shown().targets[i],
         .probability = verdict.probability,
         .lowest = verdict.lowest,
         .highest = verdict.highest,
         .decision_threshold = verdict.threshold.value_or(kNone),
         .detected = detected ? int32_t{*detected} : -1,
         .verdict = static_cast<int32_t>(verdict.word),
         .reason = verdict.reasons.empty() ? nullptr : reason_texts_.emplace_back(*verdict.reason()).c_str(),
         .base_rate = verdict.base_rate.value_or(kNone),
         .ratio = verdict.ratio().value_or(kNone),
         .rule = decision ? decision->rule.c_str() : nullptr,
         .operating_point = verdict.point ? model_->operating_point(i, *verdict.point) : nullptr,
         .reasons = reasons.data(),
         .reason_count = reasons.size()});
  }
}

void Result::add_imputed() {
  for (const auto& [name, value] : answer_.features.imputed) {
    const auto* number = std::get_if<double>(&value);
    const auto* word = std::get_if<std::string>(&value);
    imputed_list_.add(
        {.name = name.c_str(), .number = number ? *number : kNone, .word = word ? word->c_str() : nullptr});
  }
}

void Result::add_explanations() {
  const auto to_c = [](const Effect& effect) {
    return ecg2lab_effect{.part = effect.part.c_str(), .logit = effect.logit, .probability = effect.probability};
  };
  for (const Explanation& explanation : answer_.explanations) {
    ExplanationParts& parts = explanation_parts_.make();
    for (const Effect& effect : explanation.leads) parts.leads.add(to_c(effect));
    for (const Effect& effect : explanation.facts) parts.facts.add(to_c(effect));
    for (const SegmentEffect& effect : explanation.segments) {
      parts.segments.add({effect.start_s, effect.end_s, effect.logit, effect.probability});
    }
    for (const std::string& fact : explanation.not_removable) parts.not_removable.push_back(fact.c_str());
    const auto& targets = model_->contract().targets;
    const auto named = [&](const Target& target) { return target.name == explanation.target; };
    const auto target = std::find_if(targets.begin(), targets.end(), named) - targets.begin();
    explanation_list_.add({.target = model_->shown().targets[target],
                           .logit = explanation.logit,
                           .probability = explanation.probability,
                           .leads = parts.leads.data(),
                           .lead_count = parts.leads.size(),
                           .segments = parts.segments.data(),
                           .segment_count = parts.segments.size(),
                           .facts = parts.facts.data(),
                           .fact_count = parts.facts.size(),
                           .ecg = &parts.whole.add(to_c(explanation.ecg)),
                           .patient = explanation.patient ? &parts.whole.add(to_c(*explanation.patient)) : nullptr,
                           .not_removable = parts.not_removable.data(),
                           .not_removable_count = parts.not_removable.size()});
  }
}

// Without a lock, which a process that is forked off may find held: of two that make it one is kept.
const char* Result::json() const {
  const std::string* kept = json_.load();
  if (kept == nullptr) {
    auto made = std::make_unique<const std::string>(make_json());
    if (json_.compare_exchange_strong(kept, made.get())) kept = made.release();
  }
  return kept->c_str();
}

PredictionNote Result::describe() const {
  PredictionNote note = model_->provenance().describe(answer_);
  note.engine.versions = {{"ecg2lab", ECG2LAB_VERSION}};
  return note;
}

std::string Result::hl7(const Hl7Envelope& envelope) const {
  if (!asked_) throw std::invalid_argument("the result is of ecg2lab_judge, which gives no answer");
  const PredictionNote note = describe();
  if (!answer_.refused || answer_.position) return to_hl7(note, envelope);
  const bool judged = answer_.refused->kind == ErrorKind::quality;
  const RefusalNote refusal{"", note.refusal, judged ? note.recording.quality : std::nullopt};
  return to_hl7(refusal, note.engine, envelope);
}

std::string Result::make_json() const {
  PredictionNote note = describe();
  if (!source_fields_.empty()) note.source.text = to_json(source_fields_);
  const bool answered = !answer_.refused || answer_.position;  // a refused window of a stream is an answer
  const bool judged = !asked_ || (answer_.refused && answer_.refused->kind == ErrorKind::quality);
  if (answer_.refused && !judged) note.recording.quality = {};
  if (asked_ && answered) return to_json(note);
  return to_json(RefusalNote{.record = "", .error = note.refusal, .quality = note.recording.quality});
}

void Result::fill() {
  const ecg2lab_description& description = model_->shown();
  struct_size = sizeof(ecg2lab_result);
  status = answer_.refused ? status_of(answer_.refused->kind) : ECG2LAB_OK;
  refusal = refusal_of(answer_);
  if (answer_.refused) {
    message_ = joined(answer_.refused->messages);
    for (const Message& part : answer_.refused->messages) refusal_messages_.push_back(said_.add(part));
  }
  message = message_.c_str();
  notice = description.notice;
  model_name = description.name;
  bundle_digest = description.bundle_digest;
  leads = lead_list_.data(), lead_count = lead_list_.size();
  findings = finding_list_.data(), finding_count = finding_list_.size();
  imputed = imputed_list_.data(), imputed_count = imputed_list_.size();
  unused_facts = unused_.data(), unused_fact_count = unused_.size();
  duration_s = answer_.recording.duration_s;
  window_count = answer_.recording.windows;
  unused_s = answer_.recording.unused_s;
  source = source_list_.data(), source_count = source_list_.size();
  window_begin = answer_.begin;
  quality = quality_of(answer_);
  faults = fault_list_.data(), fault_count = fault_list_.size();
  out_of_range = out_of_range_.data(), out_of_range_count = out_of_range_.size();
  experience = experience_of(answer_.familiarity);
  experience_distance = answer_.familiarity ? answer_.familiarity->distance : kNone;
  messages = refusal_messages_.data(), message_count = refusal_messages_.size();
  explanations = explanation_list_.data(), explanation_count = explanation_list_.size();
  experience_limit = answer_.familiarity ? answer_.familiarity->limit.value_or(kNone) : kNone;
}

}  // namespace ecg2lab::c
