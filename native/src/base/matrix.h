// A row-major matrix that owns its numbers; rows are leads or windows, columns are time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/sizes.h"

namespace ecg2lab {

template <typename T>
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<T> values;

  Matrix() = default;
  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), values(checked_product(row_count, column_count)) {}

  std::span<T> row(std::size_t index) { return {values.data() + index * columns, columns}; }
  std::span<const T> row(std::size_t index) const { return {values.data() + index * columns, columns}; }
};

// The same without ownership: what a caller hands in.
template <typename T>
struct MatrixView {
  const T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;

  std::span<const T> row(std::size_t index) const { return {data + index * columns, columns}; }
};

}  // namespace ecg2lab
