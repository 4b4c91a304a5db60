// From the leads that a recording has to the leads that the network wants.
#pragma once

#include <string>
#include <vector>

#include "base/matrix.h"

namespace ecg2lab {

// A lead as a weighted sum of recorded ones: itself with weight 1, or derived from I and II.
struct LeadSource {
  struct Term {
    std::size_t row;
    double weight;
  };
  std::vector<Term> terms;

  bool missing() const { return terms.empty(); }
  bool derived() const { return terms.size() > 1; }
};

// For each wanted lead its source. Names are compared as given. Limb leads that were not recorded follow from the first
// two recorded ones by Einthoven (I + III = II) and Goldberger (aVR = -(I + II)/2, aVL = (I - III)/2, aVF = (II +
// III)/2). A lead that is neither recorded nor derivable has no terms.
std::vector<LeadSource> map_leads(const std::vector<std::string>& recorded, const std::vector<std::string>& leads);

// The same, none of them missing.
// Throws std::invalid_argument naming the first lead that is neither recorded nor derivable.
std::vector<LeadSource> require_leads(const std::vector<std::string>& recorded, const std::vector<std::string>& leads);

// Names of those that are neither recorded nor derivable.
std::vector<std::string> missing_leads(const std::vector<std::string>& recorded, const std::vector<std::string>& leads);

// Writes the lead into `out` (samples.columns long).
void extract_lead(MatrixView<double> samples, const LeadSource& source, std::span<double> out);

}  // namespace ecg2lab
