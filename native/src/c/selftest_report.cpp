#include "c/selftest_report.h"

namespace ecg2lab::c {

SelftestReport::SelftestReport(std::shared_ptr<const Description> model, const Selftest& test)
    : ecg2lab_selftest_report{}, model_(std::move(model)) {
  const ecg2lab_description& description = model_->shown();
  for (const Check& check : test.checks) {
    check_list_.add({.quantity = check.quantity,
                     .batch = check.batch,
                     .error = check.error,
                     .tolerance = check.tolerance,
                     .passed = check.passed()});
  }
  message = "";
  if (const auto failure = test.message()) message = said_.add(*failure)->text;
  struct_size = sizeof(ecg2lab_selftest_report);
  status = test.passed() ? ECG2LAB_OK : ECG2LAB_ERROR_BACKEND;
  passed = test.passed();
  window_count = test.windows;
  precision = description.precision;
  instruction_set = description.instruction_set;
  threads = description.threads;
  checks = check_list_.data(), check_count = check_list_.size();
  messages = said_.data(), message_count = said_.size();
}

}  // namespace ecg2lab::c
