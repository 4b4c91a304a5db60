#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_neon.h"

namespace ecg2lab {

const Kernels kNeonKernels = make_table<NeonFloats>("neon");
// A vector is two registers: 24 sums, 4 weights and an activation of 32.
const Product kNeonSingle = make_product<SingleFormat<NeonFloats>, 6>(kNeonKernels, Precision::fp32);

}  // namespace ecg2lab
