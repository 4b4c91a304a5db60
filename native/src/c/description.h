// What a model says of itself, in the structs of the C interface.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "c/list.h"
#include "ecg2lab.h"
#include "model.h"

namespace ecg2lab::c {

// Shared with the results, which name its targets: it holds neither weights nor threads.
class Description {
 public:
  explicit Description(const Model& model);
  Description(const Description&) = delete;  // the struct points into this one
  Description& operator=(const Description&) = delete;

  const Provenance& provenance() const { return *provenance_; }
  const Contract& contract() const { return provenance_->contract(); }
  const ecg2lab_description& shown() const { return shown_; }
  const ecg2lab_operating_point* operating_point(std::size_t target, std::size_t point) const {
    return &points_[target][point];
  }

 private:
  std::shared_ptr<const Provenance> provenance_;
  std::string instruction_set_;
  std::vector<const char*> leads_;
  List<std::vector<const char*>> words_;
  List<ecg2lab_number> numbers_;
  List<ecg2lab_category> categories_;
  List<ecg2lab_target> targets_;
  std::vector<std::vector<ecg2lab_operating_point>> points_;  // of each target
  ecg2lab_description shown_{};
};

}  // namespace ecg2lab::c
