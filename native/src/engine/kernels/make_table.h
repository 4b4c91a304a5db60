// The tables of an instruction set from its vector type.
//
// Vector types and all templates are in anonymous namespaces: were a function of the same name compiled once for each
// instruction set, the linker would keep any one of them, and an old CPU could meet instructions that it lacks.
#pragma once

#include "cascade.h"
#include "chunked.h"
#include "formats.h"
#include "mix.h"
#include "reduce.h"
#include "rows.h"
#include "table.h"

namespace ecg2lab {
namespace {

template <class V>
constexpr Kernels make_table(const char* name) {
  return {.name = name,
          .width = V::kWidth,
          .encode = encode<V>,
          .cascade = cascade<V>,
          .chunked = chunked<V>,
          .statistics = statistics<V>,
          .normalise = normalise<V>,
          .pool = pool<V>,
          .dense = dense<V>,
          .round = round_to_bfloat16<V>,
          .quantise = quantise<V>};
}

template <class F, std::size_t TileRows>
constexpr Product make_product(const Kernels& kernels, Precision precision, bool signed_bytes = false) {
  return {.kernels = &kernels,
          .precision = precision,
          .group = F::kGroup,
          .signed_bytes = signed_bytes,
          .tile_rows = TileRows,
          .mix = mix<F, TileRows>};
}

}  // namespace
}  // namespace ecg2lab
