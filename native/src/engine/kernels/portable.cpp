#define ECG2LAB_PORTABLE_KERNELS
#include "instruction_sets.h"
#include "make_table.h"
#include "vector_portable.h"

namespace ecg2lab {

constexpr std::size_t kTileRows = 3;  // nothing is kept in registers here

const Kernels kPortableKernels = make_table<PortableVector<8>>("portable");
const Product kPortableSingle =
    make_product<SingleFormat<PortableVector<8>>, kTileRows>(kPortableKernels, Precision::fp32);
const Product kPortableBfloat16 =
    make_product<Bfloat16Format<PortableVector<8>, PortablePairs<8>>, kTileRows>(kPortableKernels, Precision::bf16);
const Product kPortableBytes =
    make_product<ByteFormat<PortableVector<8>, PortableFours<8>>, kTileRows>(kPortableKernels, Precision::int8);

const Kernels kWidePortableKernels = make_table<PortableVector<16>>("portable-16");
const Product kWidePortableSingle =
    make_product<SingleFormat<PortableVector<16>>, kTileRows>(kWidePortableKernels, Precision::fp32);
const Product kWidePortableBfloat16 = make_product<Bfloat16Format<PortableVector<16>, PortablePairs<16>>, kTileRows>(
    kWidePortableKernels, Precision::bf16);
const Product kWidePortableBytes =
    make_product<ByteFormat<PortableVector<16>, PortableFours<16>>, kTileRows>(kWidePortableKernels, Precision::int8);

}  // namespace ecg2lab
