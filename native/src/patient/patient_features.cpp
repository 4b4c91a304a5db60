#include "patient/patient_features.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/errors.h"
#include "base/number_text.h"
#include "patient/impute.h"

namespace ecg2lab {
namespace {

constexpr float kMissingNumber = std::numeric_limits<float>::quiet_NaN();
constexpr std::int64_t kMissingCode = -1;

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorKind::patient, why); }

std::optional<double> find(const Patient& patient, const std::string& name) {
  const auto found = patient.numbers.find(name);
  return found == patient.numbers.end() ? std::nullopt : std::optional(found->second);
}

void check_population(const Patient& patient, const Population& population, PatientFaults& faults) {
  const auto age = find(patient, "age");
  if (age && *age >= 0 && *age < population.minimum_age) {
    faults.add("this model is for patients of " + number_text(population.minimum_age) + " years and older");
  }
}

void check_pressures(const Patient& patient, PatientFaults& faults) {
  const auto diastolic = find(patient, "diastolic_mmhg"), systolic = find(patient, "systolic_mmhg");
  if (diastolic && systolic && *diastolic > *systolic) {
    faults.add("diastolic_mmhg is above systolic_mmhg: were they exchanged?");
  }
}

// Facts under the names that a contract knows.
Patient derive(Patient patient) {
  if (const auto celsius = find(patient, "temperature_c")) patient.numbers["temperature_f"] = *celsius * 9 / 5 + 32;
  const auto height = find(patient, "height_cm"), weight = find(patient, "weight_kg");
  // below a centimetre the square may vanish; the height is refused by its own range
  if (height && weight && *height > 1 && !patient.knows("bmi")) {
    const double metres = *height / 100;
    patient.numbers["bmi"] = *weight / (metres * metres);
  }
  return patient;
}

// What float32 cannot hold becomes the largest number that it can.
float to_single(double value) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kLargest, kLargest));
}

std::vector<const ContinuousFeature*> find_outside(const Patient& patient, const Contract& contract) {
  std::vector<const ContinuousFeature*> outside;
  for (const ContinuousFeature& feature : contract.continuous) {
    const auto value = find(patient, feature.name);
    if (value && !(feature.minimum <= *value && *value <= feature.maximum)) outside.push_back(&feature);
  }
  return outside;
}

// The fact that the caller gave for a feature.
std::string fact_of(const Patient& patient, const std::string& feature) {
  return feature == "temperature_f" && patient.knows("temperature_c") ? "temperature_c" : feature;
}

void check_ranges(const Patient& given, const Patient& known, const Contract& contract, PatientFaults& faults) {
  const auto outside = find_outside(known, contract);
  const bool no_body = std::any_of(outside.begin(), outside.end(), [](const ContinuousFeature* feature) {
    return feature->name == "height_cm" || feature->name == "weight_kg";
  });
  for (const ContinuousFeature* feature : outside) {
    const bool derived_bmi = feature->name == "bmi" && !given.knows("bmi");
    if (derived_bmi && no_body) continue;  // the height or weight that it follows from is named
    const char* hint = derived_bmi                        ? " (it follows from height_cm and weight_kg)"
                       : feature->name == "temperature_f" ? " (°C is temperature_c, °F is temperature_f)"
                                                          : "";
    faults.add(fact_of(known, feature->name) + " is outside " + number_text(feature->minimum) + " to " +
               number_text(feature->maximum) + " " + feature->unit + hint);
  }
}

// Takes away what is outside its range and can be imputed; returns the facts' names.
std::vector<std::string> drop_outside(Patient& patient, const Contract& contract) {
  std::vector<std::string> dropped;
  for (const ContinuousFeature* feature : find_outside(patient, contract)) {
    if (!feature->median) continue;
    dropped.push_back(fact_of(patient, feature->name));
    patient.numbers.erase(feature->name);
  }
  return dropped;
}

float number(const Patient& patient, const ContinuousFeature& feature) {
  const auto value = find(patient, feature.name);
  if (!value) return kMissingNumber;
  const bool above = feature.top_code && *value > feature.top_code->above;
  return to_single(above ? feature.top_code->value : *value);
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

std::int64_t code(const Patient& patient, const CategoricalFeature& feature, PatientFaults& faults) {
  const auto given = patient.words.find(feature.name);
  if (given == patient.words.end()) return kMissingCode;
  const auto found = std::find(feature.categories.begin(), feature.categories.end(), given->second);
  if (found == feature.categories.end()) faults.add(feature.name + " must be one of " + join(feature.categories));
  return found - feature.categories.begin();
}

std::vector<std::size_t> indices_of_set(const std::vector<std::uint8_t>& flags) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i]) indices.push_back(i);
  }
  return indices;
}

void refuse_missing(const std::vector<std::string>& names) {
  if (names.empty()) return;
  refuse(std::string("missing input") + (names.size() > 1 ? "s" : "") + ": " + join(names) +
         " (this model has no substitutes for missing values: give them all)");
}

bool wants(const Contract& contract, const std::string& name) {
  const auto named = [&](const auto& feature) { return feature.name == name; };
  return std::any_of(contract.continuous.begin(), contract.continuous.end(), named) ||
         std::any_of(contract.categorical.begin(), contract.categorical.end(), named);
}

// The feature of another name that can follow from a fact; empty if none.
std::string derived_from(const std::string& fact) {
  if (fact == "temperature_c") return "temperature_f";
  return fact == "height_cm" || fact == "weight_kg" ? "bmi" : "";
}

std::vector<std::string> unused_facts(const Patient& patient, const Contract& contract) {
  std::vector<std::string> unused;
  for (const std::string& fact : fact_names()) {
    const bool used = wants(contract, fact) || wants(contract, derived_from(fact));
    if (patient.knows(fact) && !used) unused.push_back(fact);
  }
  return unused;
}

}  // namespace

Features encode_features(const Patient& patient, const Contract& contract, OutOfRange policy) {
  check_patient(patient);
  PatientFaults faults;
  check_population(patient, contract.population, faults);
  Features features;
  Patient known = patient;
  const auto drop = [&] {
    if (policy == OutOfRange::refuse) return;
    for (const std::string& fact : drop_outside(known, contract)) {
      // A BMI that was given and the one that then follows from height and weight may both be outside.
      const auto& said = features.out_of_range;
      if (std::find(said.begin(), said.end(), fact) == said.end()) features.out_of_range.push_back(fact);
    }
  };
  drop();                          // before BMI follows from it
  check_pressures(known, faults);  // 9999 for "not measured" was not exchanged with anything
  known = derive(known);
  drop();
  check_ranges(patient, known, contract, faults);
  std::vector<float> medians;
  for (const ContinuousFeature& feature : contract.continuous) {
    features.continuous.push_back(number(known, feature));
    medians.push_back(feature.median ? to_single(*feature.median) : kMissingNumber);
  }
  std::vector<std::int64_t> substitutes;
  for (const CategoricalFeature& feature : contract.categorical) {
    features.categorical.push_back(code(known, feature, faults));
    substitutes.push_back(feature.missing_code.value_or(kMissingCode));
  }
  faults.refuse();

  std::vector<std::uint8_t> no_number(medians.size()), no_code(substitutes.size());
  std::vector<std::string> impossible;
  for (const std::size_t i : impute_continuous(features.continuous, medians, no_number)) {
    impossible.push_back(contract.continuous[i].name);
  }
  for (const std::size_t i : impute_categorical(features.categorical, substitutes, no_code)) {
    impossible.push_back(contract.categorical[i].name);
  }
  refuse_missing(impossible);

  features.imputed_continuous = indices_of_set(no_number);
  features.imputed_categorical = indices_of_set(no_code);
  if (contract.missing_flags == MissingFlags::continuous) {
    features.continuous.insert(features.continuous.end(), no_number.begin(), no_number.end());
  } else if (contract.missing_flags == MissingFlags::categorical) {
    features.categorical.insert(features.categorical.end(), no_number.begin(), no_number.end());
  }
  features.unused = unused_facts(patient, contract);
  return features;
}

}  // namespace ecg2lab
