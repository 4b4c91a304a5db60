// What is known of the patient beside the ECG; the same facts as in sdk/ecg2lab/patient/__init__.py.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/message.h"

namespace ecg2lab {

// Names of all facts, in the order in which they are said; `sex` and `race` are words, all others numbers whose unit is
// part of the name.
const std::vector<std::string>& fact_names();

using Fact = std::variant<double, std::string>;

// Facts by name: what is not given is absent.
struct Patient {
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> words;

  bool knows(const std::string& name) const { return numbers.contains(name) || words.contains(name); }
  // In the order in which they are said.
  std::vector<std::pair<std::string, Fact>> facts() const;
};

// What is wrong with a patient: said all at once, since whoever corrects one value wants to know of the others.
class PatientFaults {
 public:
  void add(Message fault) { all_.push_back(std::move(fault)); }
  // Throws Error of kind `patient` that names every fault, if there is one.
  void refuse() const;

 private:
  std::vector<Message> all_;
};

// Throws Error of kind `patient` if numbers are not finite or temperature is given twice; all that is wrong is named.
void check_patient(const Patient& patient);

}  // namespace ecg2lab
