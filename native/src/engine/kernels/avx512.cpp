#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_avx512.h"

namespace ecg2lab {

const Kernels kAvx512Kernels = make_table<Avx512Floats>("avx512");
// 24 sums, 2 weights and an activation of 32 registers; with 14 rows GCC 12 runs out of them.
const Product kAvx512Single = make_product<SingleFormat<Avx512Floats>, 12>(kAvx512Kernels, Precision::fp32);

}  // namespace ecg2lab
