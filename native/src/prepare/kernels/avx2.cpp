#include "make_table.h"
#include "select.h"
#include "vectors_avx2.h"

namespace ecg2lab {

const SignalKernels kAvx2SignalKernels = make_signal_kernels<Floats8, Doubles4>("avx2");

}  // namespace ecg2lab
