#include "make_table.h"
#include "select.h"
#include "vectors_portable.h"

namespace ecg2lab {

const SignalKernels kPortableSignalKernels =
    make_signal_kernels<PortableVector<float>, PortableVector<double>>("portable");

}  // namespace ecg2lab
