#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_avx2.h"

namespace ecg2lab {

const Kernels kAvx2Kernels = make_table<Avx2Floats>("avx2");
// 12 sums, 2 weights and an activation: 15 of 16 registers.
const Product kAvx2Single = make_product<SingleFormat<Avx2Floats>, 6>(kAvx2Kernels, Precision::fp32);

}  // namespace ecg2lab
