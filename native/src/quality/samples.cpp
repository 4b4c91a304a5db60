#include "quality/samples.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace ecg2lab {
namespace {

constexpr double kShortestRail = 0.008, kLongRail = 0.2;  // s
constexpr std::size_t kFewestRails = 3;
constexpr double kSpikeReach = 0.004, kSpikePart = 2, kSpikeRate = 400;  // s, s, Hz

std::size_t samples_of(double seconds, double rate_hz) { return static_cast<std::size_t>(seconds * rate_hz + 0.5); }

}  // namespace

double share_at_rails(const double* lead, std::size_t count, double rate_hz, const SignalKernels& kernels) {
  const Survey survey = kernels.survey(lead, count, std::numeric_limits<double>::infinity());
  const double lowest = survey.lowest, highest = survey.highest;
  const std::size_t shortest = std::max<std::size_t>(2, samples_of(kShortestRail, rate_hz));
  const std::size_t at_ends = count - kernels.count_between(lead, count, lowest, highest);
  if (lowest == highest || at_ends < kFewestRails * shortest) return 0;
  std::size_t runs = 0, longest = 0, at_rails = 0;
  for (std::size_t t = 0; t < count;) {
    std::size_t end = t + 1;
    if (lead[t] == lowest || lead[t] == highest) {
      while (end < count && lead[end] == lead[t]) ++end;
      if (end - t >= shortest) {
        ++runs;
        longest = std::max(longest, end - t);
        at_rails += end - t;
      }
    }
    t = end;
  }
  if (runs < kFewestRails && longest < samples_of(kLongRail, rate_hz)) return 0;
  return static_cast<double>(at_rails) / static_cast<double>(count);
}

double usual_spike(const double* lead, std::size_t count, double rate_hz, const SignalKernels& kernels) {
  const std::size_t reach = samples_of(kSpikeReach, rate_hz), part = samples_of(kSpikePart, rate_hz);
  if (rate_hz < kSpikeRate || count <= 2 * reach) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> highest;
  for (std::size_t begin = 0; begin + 2 * reach < count; begin += part) {
    const std::size_t length = std::min(part + 2 * reach, count - begin);
    if (length < part / 2 && !highest.empty()) break;  // the rest may hold no beat
    highest.push_back(kernels.sharpest(lead + begin, length, reach));
  }
  const auto middle = highest.begin() + static_cast<std::ptrdiff_t>(highest.size() / 2);
  std::nth_element(highest.begin(), middle, highest.end());
  return *middle;
}

}  // namespace ecg2lab
