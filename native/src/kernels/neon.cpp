#include "instruction_sets.h"
#include "make_table.h"
#include "vector_neon.h"

namespace ecg2lab {

// A vector is two registers: 24 sums, 4 weights and an activation of 32.
const Kernels kNeonKernels = make_table<NeonVector, 6>("neon");

}  // namespace ecg2lab
