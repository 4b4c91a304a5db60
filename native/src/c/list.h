// A list as a C program reaches it: an array of pointers, so that elements may grow in later versions.
#pragma once

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

namespace ecg2lab::c {

template <typename T>
class List {
 public:
  List() = default;
  List(const List&) = delete;  // the pointers are into this one
  List& operator=(const List&) = delete;

  T& add(T item) {
    items_.push_back(std::move(item));  // a deque never moves what it holds
    pointers_.push_back(&items_.back());
    return items_.back();
  }
  // Of what cannot be moved.
  T& make() {
    items_.emplace_back();
    pointers_.push_back(&items_.back());
    return items_.back();
  }

  const T* const* data() const { return pointers_.data(); }
  std::size_t size() const { return pointers_.size(); }
  const T* operator[](std::size_t index) const { return pointers_[index]; }

 private:
  std::deque<T> items_;
  std::vector<const T*> pointers_;
};

}  // namespace ecg2lab::c
