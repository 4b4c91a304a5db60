// Numbers in messages.
#pragma once

#include <string>

namespace ecg2lab {

// At most so many significant digits, as printf's %g and Python's :g write them, but with a point in every locale.
std::string number_text(double value, int digits = 6);

}  // namespace ecg2lab
