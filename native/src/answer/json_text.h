// The parts of JSON as they are written: UTF-8, no spaces, the shortest digits from which a number can be read back.
#pragma once

#include <string>
#include <string_view>

namespace ecg2lab {

// What is not printable is escaped: JSON in a terminal moves nothing.
void append_json(std::string& out, std::string_view text);
// JSON that another writer made, its texts escaped as here.
void append_escaped(std::string& out, std::string_view json);
// With a point or an exponent; what is not finite is null.
void append_json(std::string& out, double value);

}  // namespace ecg2lab
