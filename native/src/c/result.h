// An answer in the structs of the C interface.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "answer/hl7.h"
#include "c/description.h"
#include "c/inputs.h"
#include "c/list.h"
#include "c/said.h"
#include "ecg2lab.h"

namespace ecg2lab::c {

// What the struct of an explanation points to.
struct ExplanationParts {
  List<ecg2lab_effect> leads, facts, whole;
  List<ecg2lab_segment_effect> segments;
  std::vector<const char*> not_removable;
};

// What a caller frees: the struct that it sees, and everything that this points to.
class Result : public ecg2lab_result {
 public:
  // `asked`: whether for an answer, or only how good the recording is.
  Result(std::shared_ptr<const Description> model, Answer answer, SourceFields source, bool asked = true);
  Result(const Result&) = delete;  // the struct points into this one
  Result& operator=(const Result&) = delete;
  ~Result() { delete json_.load(); }

  // Of the C interface's `messages`, as `fail` takes them.
  std::span<const ecg2lab_message* const> parts() const { return {messages, message_count}; }
  // Made when it is asked for first; any number of threads may ask.
  const char* json() const;
  // Throws std::invalid_argument, as `to_hl7` does, and for what is no answer.
  std::string hl7(const Hl7Envelope& envelope) const;

 private:
  void add_leads();
  void add_faults();
  void add_findings();
  void add_imputed();
  void add_explanations();
  void fill();
  PredictionNote describe() const;
  std::string make_json() const;

  std::shared_ptr<const Description> model_;
  Answer answer_;
  bool asked_;
  std::string message_;
  SourceFields source_fields_;
  List<ecg2lab_lead> lead_list_;
  List<ecg2lab_fault> fault_list_;
  List<ecg2lab_finding> finding_list_;
  List<ecg2lab_imputed> imputed_list_;
  List<ecg2lab_source_field> source_list_;
  SaidMessages said_;                     // of faults and refusal
  List<SaidMessages> reasons_;            // of each finding
  std::deque<std::string> reason_texts_;  // likewise, in one line
  std::vector<const ecg2lab_message*> refusal_messages_;
  List<ExplanationParts> explanation_parts_;
  List<ecg2lab_explanation> explanation_list_;
  std::vector<const char*> unused_;
  std::vector<const char*> out_of_range_;
  mutable std::atomic<const std::string*> json_{nullptr};
};

}  // namespace ecg2lab::c
