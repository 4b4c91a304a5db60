#include "instruction_sets.h"
#include "make_table.h"
#include "vector_avx2.h"

namespace ecg2lab {

// 12 sums, 2 weights and an activation: 15 of 16 registers.
const Kernels kAvx2Kernels = make_table<Avx2Vector, 6>("avx2");

}  // namespace ecg2lab
