// The table of an instruction set from its vector type.
//
// Vector types and all templates are in anonymous namespaces: were a function of the same name compiled once for each
// instruction set, the linker would keep any one of them, and an old CPU could meet instructions that it lacks.
#pragma once

#include "cascade.h"
#include "chunked.h"
#include "mix.h"
#include "rows.h"
#include "table.h"

namespace ecg2lab {
namespace {

template <class V, std::size_t TileRows>
constexpr Kernels make_table(const char* name) {
  return {.name = name,
          .width = V::kWidth,
          .tile_rows = TileRows,
          .encode = encode<V>,
          .cascade = cascade<V>,
          .chunked = chunked<V>,
          .mix = mix<V, TileRows>,
          .statistics = statistics<V>,
          .normalise = normalise<V>,
          .pool = pool<V>,
          .dense = dense<V>};
}

}  // namespace
}  // namespace ecg2lab
