#include "make_table.h"
#include "select.h"
#include "simd/doubles_avx2.h"
#include "simd/floats_avx512.h"

namespace ecg2lab {

// Doubles are those of AVX2, because twelve leads fill three registers of four.
const SignalKernels kAvx512SignalKernels = make_signal_kernels<Avx512Floats, Avx2Doubles>("avx512");

}  // namespace ecg2lab
