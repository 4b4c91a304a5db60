// Sizes of what is made, which a machine of 32 bits may not be able to count.
#pragma once

#include <cstddef>
#include <limits>
#include <stdexcept>

namespace ecg2lab {

// Throws std::length_error where the product is beyond any memory.
inline std::size_t checked_product(std::size_t rows, std::size_t columns) {
  if (columns == 0 || rows <= std::numeric_limits<std::size_t>::max() / columns) return rows * columns;
  throw std::length_error("more numbers than a machine can hold");
}

}  // namespace ecg2lab
