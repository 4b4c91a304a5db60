// The Kautz cascade of one block of channels, both directions, and the GELU after it.
//
// Glossary: h, r coefficients of a section; w, e its states; u input, v what a section passes on, y output. The update
// is
//   v ← v - e;  d = v - w;  e ← e + h·d;  w ← w + r·e;  v ← v - e
// and y gathers taps·(w, e): with the new states forward, with the old ones backward (`docs/recurrence.md`, 6).
#pragma once

#include <cstddef>

#include "functions.h"
#include "table.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kSectionsAtOnce = 4;  // with their signals and sums they fill the sixteen registers of AVX2

enum class Direction { forward, backward };

// Sections in a row as a pipeline: in one pass, section s works on the sample of s passes ago. So none waits for the
// one before it, and a processor need not look ahead over hundreds of instructions to find work.
template <class V, std::size_t Sections, Direction Way>
class Pipeline {
 public:
  static constexpr std::size_t kDelay = Sections - 1;  // passes from a sample's entry to its exit

  explicit Pipeline(const float* packed) : packed_(packed) {
    for (std::size_t s = 0; s < Sections; ++s) w_[s] = e_[s] = V::zero();
    for (std::size_t s = 0; s <= Sections; ++s) v_[s] = y_[s] = V::zero();
  }

  // Takes a sample and what its output begins with; `passed` and `output` are then those of the sample kDelay ago.
  void pass(V in, V begun) {
    v_[0] = in;
    y_[0] = begun;
    for (std::size_t s = Sections; s-- > 0;) {
      const float* c = packed_ + s * kCascadeRows * V::kWidth;
      V y = y_[s];
      if constexpr (Way == Direction::backward) y = observe(c + 4 * V::kWidth, s, y);
      const V first = v_[s] - e_[s];
      e_[s] = multiply_add(V::load(c), first - w_[s], e_[s]);
      w_[s] = multiply_add(V::load(c + V::kWidth), e_[s], w_[s]);
      if constexpr (Way == Direction::forward) y = observe(c + 2 * V::kWidth, s, y);
      v_[s + 1] = first - e_[s];
      y_[s + 1] = y;
    }
  }

  V passed() const { return v_[Sections]; }
  V output() const { return y_[Sections]; }

 private:
  V observe(const float* taps, std::size_t s, V y) const {
    return multiply_add(V::load(taps + V::kWidth), e_[s], multiply_add(V::load(taps), w_[s], y));
  }

  const float* packed_;
  V w_[Sections], e_[Sections];
  V v_[Sections + 1], y_[Sections + 1];  // what enters each section, and what leaves the last
};

// One group of sections over the window. `c.pass` holds what the group before left, and takes what this one leaves; the
// first group takes u itself, and the last leaves nothing.
template <class V, std::size_t Sections, Direction Way, bool First, bool Last>
void cascade_group(const CascadeArguments& c, const float* packed) {
  using Sectioned = Pipeline<V, Sections, Way>;
  constexpr bool kForward = Way == Direction::forward;
  const std::size_t samples = c.samples;
  const auto at = [samples](std::size_t i) { return (kForward ? i : samples - 1 - i) * V::kWidth; };
  const V skip = V::load(c.skip);
  const float* in = First ? c.u : c.pass;
  float *const y = c.y, *const left = c.pass;
  const bool activate = !kForward && Last && c.activate;
  Sectioned sections(packed);
  for (std::size_t i = 0; i < samples + Sectioned::kDelay; ++i) {
    if (i < samples) {
      const V u = V::load(in + at(i));
      sections.pass(u, kForward && First ? skip * u : V::load(y + at(i)));
    } else {
      sections.pass(V::zero(), V::zero());
    }
    if (i < Sectioned::kDelay) continue;
    const std::size_t out = at(i - Sectioned::kDelay);
    (activate ? gelu(sections.output()) : sections.output()).store(y + out);
    if constexpr (!Last) sections.passed().store(left + out);
  }
}

template <class V, Direction Way, bool First, bool Last>
void cascade_group_of(const CascadeArguments& c, const float* packed, std::size_t sections) {
  using Group = void (*)(const CascadeArguments&, const float*);
  constexpr Group kGroups[] = {cascade_group<V, 1, Way, First, Last>, cascade_group<V, 2, Way, First, Last>,
                               cascade_group<V, 3, Way, First, Last>, cascade_group<V, 4, Way, First, Last>};
  kGroups[sections - 1](c, packed);
}

template <class V, Direction Way>
void cascade_direction(const CascadeArguments& c) {
  for (std::size_t from = 0; from < c.sections; from += kSectionsAtOnce) {
    const float* packed = c.packed + from * kCascadeRows * V::kWidth;
    const std::size_t rest = c.sections - from;
    if (rest <= kSectionsAtOnce) {
      (from == 0 ? cascade_group_of<V, Way, true, true> : cascade_group_of<V, Way, false, true>)(c, packed, rest);
    } else {
      (from == 0 ? cascade_group<V, kSectionsAtOnce, Way, true, false>
                 : cascade_group<V, kSectionsAtOnce, Way, false, false>)(c, packed);
    }
  }
}

template <class V>
void cascade(const CascadeArguments& c) {
  cascade_direction<V, Direction::forward>(c);
  if (c.directions == 2) {
    cascade_direction<V, Direction::backward>(c);
  } else if (c.activate) {
    gelu_all<V>(c.y, c.samples);
  }
}

}  // namespace
}  // namespace ecg2lab
