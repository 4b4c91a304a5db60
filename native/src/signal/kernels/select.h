// The tables that were compiled in, and the choice among them.
#pragma once

#include <string>
#include <vector>

#include "table.h"

namespace ecg2lab {

extern const SignalKernels kPortableSignalKernels;
extern const SignalKernels kAvx2SignalKernels;
extern const SignalKernels kAvx512SignalKernels;
extern const SignalKernels kNeonSignalKernels;

// Names of the tables that this machine can run, the fastest first.
std::vector<std::string> signal_instruction_sets();

// The table of that name; the fastest for an empty one.
// Throws std::invalid_argument if it was not compiled in, or this machine lacks its instructions.
const SignalKernels& select_signal_kernels(const std::string& name = "");

}  // namespace ecg2lab
