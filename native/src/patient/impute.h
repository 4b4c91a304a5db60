// Missing facts about the patient.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ecg2lab {

// Replaces NaN by the feature's median and marks it. A median that is itself NaN means that the feature must be given.
// Returns the indices of features that are missing and cannot be imputed.
std::vector<std::size_t> impute_continuous(std::span<float> values, std::span<const float> medians,
                                           std::span<std::uint8_t> imputed);

// The same for category codes, where a negative code means missing.
std::vector<std::size_t> impute_categorical(std::span<std::int64_t> codes, std::span<const std::int64_t> missing_codes,
                                            std::span<std::uint8_t> imputed);

}  // namespace ecg2lab
