// A selftest in the structs of the C interface.
#pragma once

#include <memory>
#include <span>

#include "c/description.h"
#include "c/list.h"
#include "c/said.h"
#include "ecg2lab.h"
#include "selftest.h"

namespace ecg2lab::c {

// What a caller frees: the struct that it sees, and everything that this points to.
class SelftestReport : public ecg2lab_selftest_report {
 public:
  SelftestReport(std::shared_ptr<const Description> model, const Selftest& test);
  SelftestReport(const SelftestReport&) = delete;  // the struct points into this one
  SelftestReport& operator=(const SelftestReport&) = delete;

  std::span<const ecg2lab_message* const> parts() const { return {said_.data(), said_.size()}; }

 private:
  std::shared_ptr<const Description> model_;
  SaidMessages said_;
  List<ecg2lab_check> check_list_;
};

}  // namespace ecg2lab::c
