#include <cstring>

#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_avx512.h"

namespace ecg2lab {
namespace {

struct VnniFours {
  using Sum = Avx512Integers;

  static __m512i load(const std::int8_t* weights) { return _mm512_loadu_si512(weights); }
  static __m512i broadcast(const std::uint8_t* a) {
    std::int32_t four;
    std::memcpy(&four, a, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static Sum add_product(Sum sum, __m512i a, __m512i w) { return {_mm512_dpbusd_epi32(sum.lanes, a, w)}; }
};

}  // namespace

const Product kAvx512Bytes = make_product<ByteFormat<Avx512Floats, VnniFours>, 12>(kAvx512Kernels, Precision::int8);

}  // namespace ecg2lab
