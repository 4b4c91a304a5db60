// Leads laid side by side as rows, and rows taken apart again. D: doubles, of `simd/doubles_*.h`.
#pragma once

#include <algorithm>

#include "table.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kSquare = 4;

// Four leads and four samples at a time by `square(lane, i)`, the rest one by one by `single(lane, i)`.
template <class Square, class Single>
inline void for_each_square(std::size_t lanes, std::size_t count, Square square, Single single) {
  const std::size_t whole_lanes = lanes / kSquare * kSquare, whole_count = count / kSquare * kSquare;
  for (std::size_t lane = 0; lane < whole_lanes; lane += kSquare) {
    for (std::size_t i = 0; i < whole_count; i += kSquare) square(lane, i);
  }
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    for (std::size_t i = lane < whole_lanes ? whole_count : 0; i < count; ++i) single(lane, i);
  }
}

template <class D>
void leads_to_rows(const LeadsToRows& a) {
  const D high = D::broadcast(a.limit), low = D::broadcast(-a.limit);
  for_each_square(
      a.leads.size(), a.offsets.size(),
      [&](std::size_t lane, std::size_t i) {
        float clipped[kSquare][kSquare];
        for (std::size_t k = 0; k < kSquare; ++k) {
          for (std::size_t part = 0; part < kSquare; part += D::kWidth) {
            const D x = D::load(a.leads[lane + k] + a.first + i + part);
            larger(smaller(x, high), low).store_as_float(clipped[k] + part);
          }
        }
        float* const to = a.rows + lane;
        D::transpose_floats({clipped[0], clipped[1], clipped[2], clipped[3]},
                            {to + a.offsets[i], to + a.offsets[i + 1], to + a.offsets[i + 2], to + a.offsets[i + 3]});
      },
      [&](std::size_t lane, std::size_t i) {
        a.rows[a.offsets[i] + lane] = static_cast<float>(std::clamp(a.leads[lane][a.first + i], -a.limit, a.limit));
      });
}

template <class D>
void rows_to_leads(const RowsToLeads& a) {
  for_each_square(
      a.lanes, a.offsets.size(),
      [&](std::size_t lane, std::size_t i) {
        const float* const from = a.rows + lane;
        float* const to = a.leads + lane * a.lead_stride + i;
        D::transpose_floats(
            {from + a.offsets[i], from + a.offsets[i + 1], from + a.offsets[i + 2], from + a.offsets[i + 3]},
            {to, to + a.lead_stride, to + 2 * a.lead_stride, to + 3 * a.lead_stride});
      },
      [&](std::size_t lane, std::size_t i) { a.leads[lane * a.lead_stride + i] = a.rows[a.offsets[i] + lane]; });
}

}  // namespace
}  // namespace ecg2lab
