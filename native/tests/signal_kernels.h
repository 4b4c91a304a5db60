// The part of `instruction_sets.cpp` that holds preprocessing to the portable kernels.
#pragma once

namespace ecg2lab {

// Prints a line for each instruction set of this machine. Returns how many properties do not hold.
int check_signal_kernels();

}  // namespace ecg2lab
