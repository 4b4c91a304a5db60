#include "make_table.h"
#include "select.h"
#include "vectors_neon.h"

namespace ecg2lab {

const SignalKernels kNeonSignalKernels = make_signal_kernels<Floats4, Doubles2>("neon");

}  // namespace ecg2lab
