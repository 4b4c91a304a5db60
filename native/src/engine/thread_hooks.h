// What a program does in the helper threads of an engine.
#pragma once

#include <cstddef>
#include <functional>

namespace ecg2lab {

// Called with the number of the helper, from 1, as its first and its last act. They must not throw.
struct ThreadHooks {
  std::function<void(std::size_t thread)> begin = {};
  std::function<void(std::size_t thread)> end = {};
};

}  // namespace ecg2lab
