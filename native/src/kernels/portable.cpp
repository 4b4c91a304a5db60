#include "instruction_sets.h"
#include "make_table.h"
#include "vector_portable.h"

namespace ecg2lab {

const Kernels kPortableKernels = make_table<PortableVector<8>, 6>("portable");
const Kernels kWidePortableKernels = make_table<PortableVector<16>, 12>("portable-16");

}  // namespace ecg2lab
