#include "instruction_sets.h"
#include "make_table.h"
#include "vector_avx512.h"

namespace ecg2lab {

// 24 sums and 2 weights of 32 registers; an activation is an operand of the multiplication itself.
const Kernels kAvx512Kernels = make_table<Avx512Vector, 12>("avx512");

}  // namespace ecg2lab
