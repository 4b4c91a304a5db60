// From a patient to the numbers and codes that the network takes, as the contract orders them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "contract/contract.h"
#include "patient/patient.h"

namespace ecg2lab {

// What becomes of a number outside the range of its feature, which is no measurement.
enum class OutOfRange { refuse, impute };

struct Features {
  std::vector<float> continuous;          // (columns) missing flags among them where the contract has them here
  std::vector<std::int64_t> categorical;  // (columns) likewise
  std::vector<std::pair<std::string, Fact>> imputed;  // features that were not given, with what stands in for them
  std::vector<std::string> unused;                    // facts that were given and that the contract does not want
  std::vector<std::string> out_of_range;  // facts, BMI that follows from them among them, that count as not given
};

// BMI follows from height and weight, °F from °C, where the contract wants them and they were not given.
// Throws Error of kind `patient` as check_patient does; if the patient is outside the intended population, words are
// unknown, the two blood pressures contradict each other, or numbers are outside their range and are to be refused (all
// that is wrong is named); or if values are missing for which the contract has no substitute (all are named).
Features encode_features(const Patient& patient, const Contract& contract, OutOfRange policy = OutOfRange::refuse);

}  // namespace ecg2lab
