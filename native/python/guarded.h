// A native object that Python threads may share.
#pragma once

#include <mutex>
#include <utility>

#include "bindings.h"

namespace ecg2lab::bindings {

// Two Python threads may call the same object: one waits, without the GIL.
template <class T>
class Guarded {
 public:
  explicit Guarded(T&& value) : value_(std::move(value)) {}

  template <class Function>
  auto use(Function function) {
    const Unlocked unlocked;
    const std::scoped_lock lock(mutex_);
    return function(value_);
  }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace ecg2lab::bindings
