#include "contract/lead_names.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"

namespace ecg2lab {
namespace {

constexpr std::string_view kOthers[] = {"Vx", "Vy", "Vz", "V3R", "V4R", "V5R", "V6R", "V7", "V8", "V9"};

// The chest leads as IEC 60601-2-25 names their electrodes, and the limb leads as Romance languages write them.
constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {{"C1", "V1"}, {"C2", "V2"},  {"C3", "V3"},
                                                                       {"C4", "V4"}, {"C5", "V5"},  {"C6", "V6"},
                                                                       {"DI", "I"},  {"DII", "II"}, {"DIII", "III"}};

// Of ASCII letters only, whatever the locale of the program around us.
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view strip(std::string_view name) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const std::size_t first = name.find_first_not_of(kSpace);
  return first == std::string_view::npos ? "" : name.substr(first, name.find_last_not_of(kSpace) - first + 1);
}

}  // namespace

const std::vector<std::string>& standard_leads() {
  static const std::vector<std::string> names{"I",  "II", "III", "aVR", "aVL", "aVF",
                                              "V1", "V2", "V3",  "V4",  "V5",  "V6"};
  return names;
}

std::string canonical_lead(std::string_view name) {
  const std::string_view bare = strip(name);
  for (const std::string& lead : standard_leads()) {
    if (same_name(lead, bare)) return lead;
  }
  for (const std::string_view lead : kOthers) {
    if (same_name(lead, bare)) return std::string(lead);
  }
  for (const auto& [synonym, lead] : kSynonyms) {
    if (same_name(synonym, bare)) return std::string(lead);
  }
  return "";
}

std::vector<std::string> canonical_leads(const std::vector<std::string>& names) {
  std::vector<std::string> leads;
  for (const std::string& name : names) {
    const std::string lead = canonical_lead(name);
    if (lead.empty()) {
      std::string all;
      for (const std::string& standard : standard_leads()) all += (all.empty() ? "" : ", ") + standard;
      throw Error(ErrorKind::recording, say<MessageCode::recording_unknown_lead>(name, all));
    }
    if (std::find(leads.begin(), leads.end(), lead) != leads.end()) {
      throw Error(ErrorKind::recording, say<MessageCode::recording_lead_twice>(lead));
    }
    leads.push_back(lead);
  }
  return leads;
}

}  // namespace ecg2lab
