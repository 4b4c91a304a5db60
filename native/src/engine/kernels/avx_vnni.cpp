#include <cstring>

#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_avx2.h"

namespace ecg2lab {
namespace {

// 32-bit integers, of which a product in 8 bits makes its sums.
struct Avx2Integers {
  __m256i lanes;

  static Avx2Integers load(const std::int32_t* from) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from))};
  }
  friend Avx2Floats to_float(Avx2Integers x) { return {_mm256_cvtepi32_ps(x.lanes)}; }
};

struct VnniFours {
  using Sum = Avx2Integers;

  static __m256i load(const std::int8_t* weights) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
  }
  static __m256i broadcast(const std::uint8_t* a) {
    std::int32_t four;
    std::memcpy(&four, a, sizeof four);
    return _mm256_set1_epi32(four);
  }
  static Sum add_product(Sum sum, __m256i a, __m256i w) { return {_mm256_dpbusd_avx_epi32(sum.lanes, a, w)}; }
};

}  // namespace

const Product kAvxVnniBytes = make_product<ByteFormat<Avx2Floats, VnniFours>, 6>(kAvx2Kernels, Precision::int8);

}  // namespace ecg2lab
