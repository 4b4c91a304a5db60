#define ECG2LAB_PORTABLE_KERNELS
#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_portable.h"

namespace ecg2lab {

constexpr std::size_t kTileRows = 3;  // nothing is kept in registers here

const Kernels kPortableKernels = make_table<PortableFloats<8>>("portable");
const Product kPortableSingle =
    make_product<SingleFormat<PortableFloats<8>>, kTileRows>(kPortableKernels, Precision::fp32);
const Product kPortableBfloat16 =
    make_product<Bfloat16Format<PortableFloats<8>, PortablePairs<8>>, kTileRows>(kPortableKernels, Precision::bf16);
const Product kPortableBytes =
    make_product<ByteFormat<PortableFloats<8>, PortableFours<8>>, kTileRows>(kPortableKernels, Precision::int8);

const Kernels kWidePortableKernels = make_table<PortableFloats<16>>("portable-16");
const Product kWidePortableSingle =
    make_product<SingleFormat<PortableFloats<16>>, kTileRows>(kWidePortableKernels, Precision::fp32);
const Product kWidePortableBfloat16 = make_product<Bfloat16Format<PortableFloats<16>, PortablePairs<16>>, kTileRows>(
    kWidePortableKernels, Precision::bf16);
const Product kWidePortableBytes =
    make_product<ByteFormat<PortableFloats<16>, PortableFours<16>>, kTileRows>(kWidePortableKernels, Precision::int8);

}  // namespace ecg2lab
