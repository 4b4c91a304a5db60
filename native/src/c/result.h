// An answer in the structs of the C interface.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "c/description.h"
#include "c/inputs.h"
#include "c/list.h"
#include "ecg2lab.h"

namespace ecg2lab::c {

// What a caller frees: the struct that it sees, and everything that this points to.
class Result : public ecg2lab_result {
 public:
  Result(std::shared_ptr<const Description> model, Answer answer, SourceFields source);
  Result(const Result&) = delete;  // the struct points into this one
  Result& operator=(const Result&) = delete;
  ~Result() { delete json_.load(); }

  // Made when it is asked for first; any number of threads may ask.
  const char* json() const;

 private:
  void add_leads();
  void add_faults();
  void add_findings();
  void add_imputed();
  void fill();
  std::string make_json() const;

  std::shared_ptr<const Description> model_;
  Answer answer_;
  SourceFields source_fields_;
  List<ecg2lab_lead> lead_list_;
  List<ecg2lab_fault> fault_list_;
  List<ecg2lab_finding> finding_list_;
  List<ecg2lab_imputed> imputed_list_;
  List<ecg2lab_source_field> source_list_;
  std::vector<const char*> unused_;
  std::vector<const char*> out_of_range_;
  mutable std::atomic<const std::string*> json_{nullptr};
};

}  // namespace ecg2lab::c
