#include "make_table.h"
#include "select.h"
#include "vectors_avx512.h"

namespace ecg2lab {

const SignalKernels kAvx512SignalKernels = make_signal_kernels<Floats16, Doubles4>("avx512");

}  // namespace ecg2lab
