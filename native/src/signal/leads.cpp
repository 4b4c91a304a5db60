#include "signal/leads.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace ecg2lab {
namespace {

// Coordinates of the six limb leads over the basis (I, II).
struct LimbLead {
  const char* name;
  double i;
  double ii;
};
constexpr std::array<LimbLead, 6> kLimbLeads{
    {{"I", 1, 0}, {"II", 0, 1}, {"III", -1, 1}, {"aVR", -0.5, -0.5}, {"aVL", 1, -0.5}, {"aVF", -0.5, 1}}};

const LimbLead* find_limb_lead(const std::string& name) {
  const auto limb = std::find_if(kLimbLeads.begin(), kLimbLeads.end(), [&](const auto& l) { return l.name == name; });
  return limb == kLimbLeads.end() ? nullptr : &*limb;
}

// Solves lead = x·a + y·b for two recorded limb leads a, b: any two of the six are independent. They are the first
// recorded ones in the order of the table, so that the order of the rows does not matter.
void derive_limb_lead(const LimbLead& lead, const std::vector<std::string>& recorded, LeadSource& source) {
  std::vector<std::pair<std::size_t, const LimbLead*>> available;
  for (const LimbLead& limb : kLimbLeads) {
    const auto row = std::find(recorded.begin(), recorded.end(), limb.name);
    if (row != recorded.end()) available.emplace_back(row - recorded.begin(), &limb);
  }
  if (available.size() < 2) return;
  const LimbLead& a = *available[0].second;
  const LimbLead& b = *available[1].second;
  const double determinant = a.i * b.ii - a.ii * b.i;
  const double x = (lead.i * b.ii - lead.ii * b.i) / determinant;
  const double y = (a.i * lead.ii - a.ii * lead.i) / determinant;
  source.terms = {{available[0].first, x}, {available[1].first, y}};
}

}  // namespace

std::vector<LeadSource> map_leads(const std::vector<std::string>& recorded, const std::vector<std::string>& leads) {
  std::vector<LeadSource> sources(leads.size());
  for (std::size_t index = 0; index < leads.size(); ++index) {
    const auto row = std::find(recorded.begin(), recorded.end(), leads[index]);
    if (row != recorded.end()) {
      sources[index].terms = {{static_cast<std::size_t>(row - recorded.begin()), 1.0}};
      continue;
    }
    const LimbLead* limb = find_limb_lead(leads[index]);
    if (limb != nullptr) derive_limb_lead(*limb, recorded, sources[index]);
  }
  return sources;
}

std::vector<LeadSource> require_leads(const std::vector<std::string>& recorded, const std::vector<std::string>& leads) {
  auto sources = map_leads(recorded, leads);
  for (std::size_t index = 0; index < sources.size(); ++index) {
    if (sources[index].missing()) throw std::invalid_argument("lead " + leads[index] + " is missing");
  }
  return sources;
}

std::vector<std::string> missing_leads(const std::vector<std::string>& recorded,
                                       const std::vector<std::string>& leads) {
  const auto sources = map_leads(recorded, leads);
  std::vector<std::string> missing;
  for (std::size_t index = 0; index < sources.size(); ++index) {
    if (sources[index].missing()) missing.push_back(leads[index]);
  }
  return missing;
}

void extract_lead(MatrixView<double> samples, const LeadSource& source, std::span<double> out) {
  const auto& first = source.terms.front();
  const auto row = samples.row(first.row);
  if (!source.derived()) {
    std::copy(row.begin(), row.end(), out.begin());
    return;
  }
  const auto& second = source.terms.back();
  const auto other = samples.row(second.row);
  for (std::size_t t = 0; t < out.size(); ++t) out[t] = first.weight * row[t] + second.weight * other[t];
}

}  // namespace ecg2lab
