// Names of ECG leads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ecg2lab {

// The six limb leads, then V1 to V6.
const std::vector<std::string>& standard_leads();
inline constexpr std::size_t kLimbLeadCount = 6;

// The usual spelling of a lead name (`avr` → `aVR`); empty if it is no known lead.
std::string canonical_lead(std::string_view name);

// Usual spellings of names that a caller gave. Throws Error of kind `recording` on an unknown or repeated lead.
std::vector<std::string> canonical_leads(const std::vector<std::string>& names);

}  // namespace ecg2lab
