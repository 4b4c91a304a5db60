// The parts of JSON as they are written: UTF-8, no spaces, the shortest digits from which a number can be read back.
#pragma once

#include <string>
#include <string_view>

namespace ecg2lab {

void append_json(std::string& out, std::string_view text);
// With a point or an exponent; what is not finite is null.
void append_json(std::string& out, double value);

}  // namespace ecg2lab
