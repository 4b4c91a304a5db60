#include <cstring>

#include "instruction_sets.h"
#include "make_table.h"
#include "simd/floats_avx512.h"

namespace ecg2lab {
namespace {

struct Avx512Pairs {
  static __m512bh load(const std::uint16_t* weights) { return as_pairs(_mm512_loadu_si512(weights)); }
  static __m512bh broadcast(const std::uint16_t* a) {
    std::int32_t pair;
    std::memcpy(&pair, a, sizeof pair);
    return as_pairs(_mm512_set1_epi32(pair));
  }
  static Avx512Floats add_product(Avx512Floats sum, __m512bh a, __m512bh w) {
    return {_mm512_dpbf16_ps(sum.lanes, a, w)};
  }

 private:
  // The same bits: compilers that are not GNU's cast no vector to another.
  static __m512bh as_pairs(__m512i lanes) {
    __m512bh pairs;
    std::memcpy(&pairs, &lanes, sizeof pairs);
    return pairs;
  }
};

}  // namespace

const Product kAvx512Bfloat16 =
    make_product<Bfloat16Format<Avx512Floats, Avx512Pairs>, 12>(kAvx512Kernels, Precision::bf16);

}  // namespace ecg2lab
