// The codes of the C interface, in words.
#pragma once

#include <span>

#include "ecg2lab.h"

namespace ecg2lab::c {

// In rising order; none of an unknown enumeration.
std::span<const ecg2lab_code* const> codes_of(int32_t enumeration);
// `unknown` where there is no such code.
const char* name_of(ecg2lab_enumeration enumeration, int32_t code, const char* unknown = "unknown");

}  // namespace ecg2lab::c
