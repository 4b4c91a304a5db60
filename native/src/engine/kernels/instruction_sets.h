// The tables that were compiled in, and the choice among them.
#pragma once

#include <string>
#include <vector>

#include "table.h"

namespace ecg2lab {

extern const Kernels kPortableKernels, kWidePortableKernels, kAvx2Kernels, kAvx512Kernels, kNeonKernels;
extern const Product kPortableSingle, kPortableBfloat16, kPortableBytes;
// The layout of AVX-512, so that it can be tested everywhere.
extern const Product kWidePortableSingle, kWidePortableBfloat16, kWidePortableBytes;
extern const Product kAvx2Single, kAvxVnniBytes;
extern const Product kAvx512Single, kAvx512Bfloat16, kAvx512Bytes;
extern const Product kNeonSingle, kNeonBfloat16, kNeonBytes;

// Names of the instruction sets that this machine can run in a precision, the fastest first. The portable ones compute
// every precision, but reduced ones slower than fp32: they are there to test others by, and never chosen for those.
std::vector<std::string> available_instruction_sets(Precision precision);

// The product of that instruction set; of the fastest for an empty name.
// Throws std::invalid_argument if it was not compiled in, or this machine lacks its instructions.
const Product& select_product(Precision precision, const std::string& instruction_set);

// The kernels around it, alike.
const Kernels& select_kernels(const std::string& instruction_set);

const char* name_of(Precision precision);
// Throws std::invalid_argument on a name that none has.
Precision precision_of(const std::string& name);

}  // namespace ecg2lab
