// A second-order section over many leads at once. D: doubles, of `simd/doubles_*.h`.
#pragma once

#include "table.h"

namespace ecg2lab {
namespace {

// `Vectors` vectors of lanes: a sample must wait for the one before it, and other lanes fill that time.
template <class D, std::size_t Vectors>
inline void section_block(const SectionArguments& arguments, std::size_t lane) {
  const Section& section = arguments.section;
  const D b0 = D::broadcast(section.b0), b1 = D::broadcast(section.b1), b2 = D::broadcast(section.b2);
  const D a1 = D::broadcast(-section.a1), a2 = D::broadcast(-section.a2);
  double* state = arguments.state + lane;
  D s0[Vectors], s1[Vectors];
  for (std::size_t v = 0; v < Vectors; ++v) {
    s0[v] = D::load(state + v * D::kWidth);
    s1[v] = D::load(state + arguments.lanes + v * D::kWidth);
  }
  double* row = arguments.rows + lane;
  for (std::size_t t = 0; t < arguments.count; ++t, row += arguments.step) {
    for (std::size_t v = 0; v < Vectors; ++v) {
      const D x = D::load(row + v * D::kWidth);
      const D y = multiply_add(b0, x, s0[v]);
      s0[v] = multiply_add(a1, y, multiply_add(b1, x, s1[v]));
      s1[v] = multiply_add(a2, y, b2 * x);
      y.store(row + v * D::kWidth);
    }
  }
  for (std::size_t v = 0; v < Vectors; ++v) {
    s0[v].store(state + v * D::kWidth);
    s1[v].store(state + arguments.lanes + v * D::kWidth);
  }
}

template <class D>
void section(const SectionArguments& arguments) {
  static_assert(kSectionLanes % D::kWidth == 0);
  constexpr std::size_t kMany = 3;  // 5 coefficients, 6 states and the work: 14 of 16 registers; 12 leads by AVX
  std::size_t lane = 0;
  for (; lane + kMany * D::kWidth <= arguments.lanes; lane += kMany * D::kWidth) {
    section_block<D, kMany>(arguments, lane);
  }
  for (; lane < arguments.lanes; lane += D::kWidth) section_block<D, 1>(arguments, lane);
}

}  // namespace
}  // namespace ecg2lab
