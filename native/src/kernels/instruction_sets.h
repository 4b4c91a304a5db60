// The tables that were compiled in, and the choice among them.
#pragma once

#include <string>
#include <vector>

#include "table.h"

namespace ecg2lab {

extern const Kernels kPortableKernels;
extern const Kernels kWidePortableKernels;  // the layout of AVX-512, testable everywhere
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kNeonKernels;

// Names of the tables that this machine can run, the fastest first.
std::vector<std::string> available_instruction_sets();

// The table of that name; the fastest for an empty one.
// Throws std::invalid_argument if it was not compiled in, or this machine lacks its instructions.
const Kernels& select_kernels(const std::string& name);

}  // namespace ecg2lab
