#include "signal/missing.h"

#include <algorithm>
#include <cmath>

namespace ecg2lab {
namespace {

void fill_between(std::span<double> gap, double before, double after) {
  const double slope = (after - before) / static_cast<double>(gap.size() + 1);
  for (std::size_t i = 0; i < gap.size(); ++i) gap[i] = before + slope * static_cast<double>(i + 1);
}

}  // namespace

MissingCount interpolate_missing(std::span<double> lead) {
  const std::size_t length = lead.size();
  MissingCount missing;
  std::size_t run = 0;
  std::size_t last = length;  // the last sample that has a value; length: none yet
  for (std::size_t t = 0; t < length; ++t) {
    if (std::isnan(lead[t])) {
      ++missing.samples;
      missing.longest_run = std::max(missing.longest_run, ++run);
      continue;
    }
    const std::span<double> gap = lead.subspan(t - run, run);
    if (last == length) {
      std::fill(gap.begin(), gap.end(), lead[t]);
    } else {
      fill_between(gap, lead[last], lead[t]);
    }
    run = 0;
    last = t;
  }
  if (last != length) std::fill(lead.begin() + static_cast<std::ptrdiff_t>(last) + 1, lead.end(), lead[last]);
  return missing;
}

void GapCloser::push(std::span<double> lead, std::size_t from) {
  for (std::size_t t = from; t < lead.size(); ++t) {
    if (std::isnan(lead[t])) {
      ++state.gap;
      ++state.missing.samples;
      state.missing.longest_run = std::max(state.missing.longest_run, static_cast<std::size_t>(state.gap));
      if (!lead_off()) continue;
      const std::size_t held = state.gap == longest_ + 1 ? static_cast<std::size_t>(state.gap) : 1;
      std::fill_n(lead.begin() + static_cast<std::ptrdiff_t>(t + 1 - held), held, state.last);
      continue;
    }
    const auto count = static_cast<std::size_t>(open());
    const std::span<double> gap = lead.subspan(t - count, count);
    if (state.has_value) {
      fill_between(gap, state.last, lead[t]);
    } else {
      std::fill(gap.begin(), gap.end(), lead[t]);
    }
    state.gap = 0;
    state.last = lead[t];
    state.has_value = true;
  }
}

void GapCloser::finish(std::span<double> lead) {
  const auto count = static_cast<std::size_t>(open());
  std::fill_n(lead.end() - static_cast<std::ptrdiff_t>(count), count, state.last);
  state.gap = 0;
}

}  // namespace ecg2lab
