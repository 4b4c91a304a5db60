#include "make_table.h"
#include "select.h"
#include "simd/doubles_portable.h"
#include "simd/floats_portable.h"

namespace ecg2lab {

const SignalKernels kPortableSignalKernels = make_signal_kernels<PortableFloats<4>, PortableDoubles>("portable");

}  // namespace ecg2lab
