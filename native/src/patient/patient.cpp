#include "patient/patient.h"

#include <cmath>

#include "base/errors.h"

namespace ecg2lab {

const std::vector<std::string>& fact_names() {
  static const std::vector<std::string> names{"age",
                                              "sex",
                                              "race",
                                              "respiratory_per_min",
                                              "spo2_percent",
                                              "diastolic_mmhg",
                                              "systolic_mmhg",
                                              "heart_rate_bpm",
                                              "temperature_c",
                                              "temperature_f",
                                              "height_cm",
                                              "weight_kg",
                                              "bmi"};
  return names;
}

std::vector<std::pair<std::string, Fact>> Patient::facts() const {
  std::vector<std::pair<std::string, Fact>> all;
  for (const std::string& name : fact_names()) {
    if (const auto number = numbers.find(name); number != numbers.end()) all.emplace_back(*number);
    if (const auto word = words.find(name); word != words.end()) all.emplace_back(*word);
  }
  return all;
}

void PatientFaults::refuse() const {
  if (!all_.empty()) throw Error(ErrorKind::patient, all_);
}

void check_patient(const Patient& patient) {
  PatientFaults faults;
  for (const auto& [name, value] : patient.numbers) {
    if (!std::isfinite(value)) faults.add(say<MessageCode::patient_not_finite>(name));
  }
  if (patient.knows("temperature_c") && patient.knows("temperature_f")) {
    faults.add(say<MessageCode::patient_two_temperatures>());
  }
  faults.refuse();
}

}  // namespace ecg2lab
