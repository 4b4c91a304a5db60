// Missing samples: NaN in a lead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ecg2lab {

struct MissingCount {
  std::size_t samples = 0;      // in all
  std::size_t longest_run = 0;  // without a break
};

// Interpolates runs of NaN linearly and holds the nearest value at both ends; a lead without any value stays NaN.
MissingCount interpolate_missing(std::span<double> lead);

// The same for a signal that is still coming in. A gap can be closed only when the next value is known, so it holds
// back what follows, up to a limit: a longer one is *lead-off*, and the last value is held all through it (zero, if
// there was none). Gaps up to the limit become bit for bit what `interpolate_missing` makes of them, and which is which
// does not depend on how the samples were divided.
class GapCloser {
 public:
  struct State {
    double last = 0;         // the latest value
    bool has_value = false;  // whether there was one
    std::int64_t gap = 0;    // samples of the gap that is open
    MissingCount missing;    // so far
  };

  explicit GapCloser(std::int64_t longest) : longest_(longest) {}

  // Samples of the lead from `from` on are new. Those before may still be part of the open gap.
  void push(std::span<double> lead, std::size_t from);
  // Nothing will follow: holds the last value.
  void finish(std::span<double> lead);
  // Samples at the end that are not decided yet.
  std::int64_t open() const { return lead_off() ? 0 : state.gap; }
  bool lead_off() const { return state.gap > longest_; }

  State state;

 private:
  std::int64_t longest_;
};

}  // namespace ecg2lab
