#include "make_table.h"
#include "select.h"
#include "simd/doubles_avx2.h"
#include "simd/floats_avx2.h"

namespace ecg2lab {

const SignalKernels kAvx2SignalKernels = make_signal_kernels<Avx2Floats, Avx2Doubles>("avx2");

}  // namespace ecg2lab
