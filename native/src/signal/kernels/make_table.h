// The table of an instruction set from its vector types.
//
// Vector types and all templates are in anonymous namespaces: were a function of the same name compiled once for each
// instruction set, the linker would keep any one of them, and an old CPU could meet instructions that it lacks.
#pragma once

#include "extremes.h"
#include "section.h"
#include "survey.h"
#include "table.h"
#include "transpose.h"
#include "weighted_sum.h"

namespace ecg2lab {
namespace {

template <class F, class D>
constexpr SignalKernels make_signal_kernels(const char* name) {
  return {.name = name,
          .width = F::kWidth,
          .weighted_sum = weighted_sum<F>,
          .subtract = subtract<F>,
          .leads_to_rows = leads_to_rows<D>,
          .rows_to_leads = rows_to_leads<D>,
          .survey = survey<D>,
          .section = section<D>,
          .sharpest = sharpest<D>,
          .count_between = count_between<D>};
}

}  // namespace
}  // namespace ecg2lab
