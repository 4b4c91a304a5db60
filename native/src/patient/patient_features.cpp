#include "patient/patient_features.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/errors.h"
#include "base/number_text.h"

namespace ecg2lab {
namespace {

std::optional<double> find(const Patient& patient, const std::string& name) {
  const auto number = patient.numbers.find(name);
  return number == patient.numbers.end() ? std::nullopt : std::optional(number->second);
}

void check_population(const Patient& patient, const Population& population, PatientFaults& faults) {
  const auto age = find(patient, "age");
  if (age && *age >= 0 && *age < population.minimum_age) {
    faults.add(say<MessageCode::patient_too_young>(number_text(population.minimum_age)));
  }
}

void check_pressures(const Patient& patient, PatientFaults& faults) {
  const auto diastolic = find(patient, "diastolic_mmhg"), systolic = find(patient, "systolic_mmhg");
  if (diastolic && systolic && *diastolic > *systolic) {
    faults.add(say<MessageCode::patient_pressures>());
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

void check_ranges(const Patient& stated, const Patient& derived, const Contract& contract, PatientFaults& faults) {
  const auto outside = find_outside(derived, contract);
  const bool no_body = std::any_of(outside.begin(), outside.end(), [](const ContinuousFeature* feature) {
    return feature->name == "height_cm" || feature->name == "weight_kg";
  });
  for (const ContinuousFeature* feature : outside) {
    const bool derived_bmi = feature->name == "bmi" && !stated.knows("bmi");
    if (derived_bmi && no_body) continue;  // the height or weight that it follows from is named
    const MessageCode code = derived_bmi                        ? MessageCode::patient_bmi_out_of_range
                             : feature->name == "temperature_f" ? MessageCode::patient_temperature_out_of_range
                                                                : MessageCode::patient_out_of_range;
    faults.add(Message(code, {fact_of(derived, feature->name), number_text(feature->minimum),
                              number_text(feature->maximum), feature->unit}));
  }
}

// Without what is outside its range and can be imputed. A BMI that was given and the one that then follows from height
// and weight may both be outside: it is named once.
Patient without_outside(Patient patient, const Contract& contract, std::vector<std::string>& dropped) {
  for (const ContinuousFeature* feature : find_outside(patient, contract)) {
    if (!feature->median) continue;
    const std::string fact = fact_of(patient, feature->name);
    if (std::find(dropped.begin(), dropped.end(), fact) == dropped.end()) dropped.push_back(fact);
    patient.numbers.erase(feature->name);
  }
  return patient;
}

// The numbers that can be used, under the contract's names. What counts as not given is taken away first, so that no
// BMI follows from it, and 9999 for "not measured" was not exchanged with another blood pressure; a BMI that follows
// may itself be outside.
Patient usable_facts(const Patient& patient, const Contract& contract, OutOfRange policy, PatientFaults& faults,
                     std::vector<std::string>& dropped) {
  const bool drop = policy == OutOfRange::impute;
  const Patient measured = drop ? without_outside(patient, contract, dropped) : patient;
  check_pressures(measured, faults);
  const Patient derived = derive(measured);
  return drop ? without_outside(derived, contract, dropped) : derived;
}

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

// The network's inputs, while they are put together.
struct Inputs {
  Features features;
  std::vector<std::uint8_t> missing;    // one flag for each continuous feature
  std::vector<std::string> impossible;  // features that are missing and cannot be imputed
};

void add_number(const Patient& patient, const ContinuousFeature& feature, Inputs& inputs) {
  std::optional<double> value = find(patient, feature.name);
  inputs.missing.push_back(!value);
  if (!value) {
    value = feature.median;
    if (!value) return inputs.impossible.push_back(feature.name);
    inputs.features.imputed.emplace_back(feature.name, *value);
  } else if (feature.top_code && *value > feature.top_code->above) {
    value = feature.top_code->value;
  }
  inputs.features.continuous.push_back(to_single(*value));
}

void add_code(const Patient& patient, const CategoricalFeature& feature, PatientFaults& faults, Inputs& inputs) {
  const auto& words = feature.categories;
  const auto fact = patient.words.find(feature.name);
  std::optional<std::int64_t> code = feature.missing_code;
  if (fact != patient.words.end()) {
    code = std::find(words.begin(), words.end(), fact->second) - words.begin();
    if (static_cast<std::size_t>(*code) == words.size())
      faults.add(say<MessageCode::patient_unknown_word>(feature.name, join(words)));
  } else if (code) {
    inputs.features.imputed.emplace_back(feature.name, words.at(static_cast<std::size_t>(*code)));
  } else {
    return inputs.impossible.push_back(feature.name);
  }
  inputs.features.categorical.push_back(*code);
}

void add_flags(const Inputs& inputs, MissingFlags place, Features& features) {
  const auto append = [&](auto& columns) {
    columns.insert(columns.end(), inputs.missing.begin(), inputs.missing.end());
  };
  if (place == MissingFlags::continuous) append(features.continuous);
  if (place == MissingFlags::categorical) append(features.categorical);
}

void refuse_missing(const std::vector<std::string>& names) {
  if (names.empty()) return;
  throw Error(ErrorKind::patient, names.size() > 1 ? say<MessageCode::patient_missing_inputs>(join(names))
                                                   : say<MessageCode::patient_missing_input>(join(names)));
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
  Inputs inputs;
  const Patient usable = usable_facts(patient, contract, policy, faults, inputs.features.out_of_range);
  check_ranges(patient, usable, contract, faults);
  for (const ContinuousFeature& feature : contract.continuous) add_number(usable, feature, inputs);
  for (const CategoricalFeature& feature : contract.categorical) add_code(usable, feature, faults, inputs);
  faults.refuse();
  refuse_missing(inputs.impossible);
  add_flags(inputs, contract.missing_flags, inputs.features);
  inputs.features.unused = unused_facts(patient, contract);
  return std::move(inputs.features);
}

}  // namespace ecg2lab
