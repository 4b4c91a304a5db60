#include "make_table.h"
#include "select.h"
#include "simd/doubles_neon.h"
#include "simd/floats_neon.h"

namespace ecg2lab {

const SignalKernels kNeonSignalKernels = make_signal_kernels<NeonFloats, NeonDoubles>("neon");

}  // namespace ecg2lab
