// Holds the signal kernels of every instruction set of this machine to the portable ones, on random numbers.
#include "signal_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "distance.h"
#include "signal/kernels/select.h"

namespace ecg2lab {
namespace {

// What moves, compares or subtracts is the same to the last bit. What sums may multiply and add in one rounding.
struct Results {
  std::vector<double> exact, floats, doubles;
};

// Of numbers around 1, in sums of a dozen, and through a filter that remembers some tens of samples.
constexpr double kFloatTolerance = 3e-6, kDoubleTolerance = 1e-13;

constexpr double kLimit = 1.5;
constexpr std::size_t kMostLanes = 13, kMostSamples = 23;

class Numbers {
 public:
  template <class T>
  std::vector<T> draw(std::size_t count) {
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(normal_(random_));
    return values;
  }

 private:
  std::mt19937 random_{1};
  std::normal_distribution<double> normal_;
};

template <class T>
void append(std::vector<double>& to, const std::vector<T>& values) {
  to.insert(to.end(), values.begin(), values.end());
}

// Lengths for all its blocks, in vectors of sixteen: twelve, four, one.
void weighted_sums(const SignalKernels& kernels, Numbers& numbers, Results& results) {
  const std::vector<Tap> taps = {{0, 0.3f}, {1, -0.7f}, {5, 0.11f}, {18, 0.9f}, {35, -0.4f}, {36, 0.2f}, {50, -0.6f}};
  for (const std::size_t length : {16, 48, 64, 208, 288}) {
    const auto data = numbers.draw<float>(length + 50);
    std::vector<float> out(length);
    kernels.weighted_sum({data.data(), taps, length, out.data()});
    append(results.floats, out);
  }
}

void differences(const SignalKernels& kernels, Numbers& numbers, Results& results) {
  for (std::size_t length = 0; length < 40; ++length) {
    const auto a = numbers.draw<float>(length), b = numbers.draw<float>(length);
    std::vector<float> out(length);
    kernels.subtract(a.data(), b.data(), out.data(), length);
    append(results.exact, out);
  }
}

// Rows that lie apart, and not in their order.
std::vector<std::size_t> row_offsets(std::size_t count, std::size_t lanes) {
  std::vector<std::size_t> offsets(count);
  for (std::size_t i = 0; i < count; ++i) offsets[i] = (count - 1 - i) * (lanes + 1);
  return offsets;
}

void transposes(const SignalKernels& kernels, Numbers& numbers, Results& results) {
  constexpr std::size_t kFirst = 3;
  for (std::size_t lanes = 1; lanes <= kMostLanes; ++lanes) {
    for (std::size_t count = 0; count <= kMostSamples; ++count) {
      const auto offsets = row_offsets(count, lanes);
      const auto signal = numbers.draw<double>(lanes * (kFirst + count));
      std::vector<const double*> leads(lanes);
      for (std::size_t lane = 0; lane < lanes; ++lane) leads[lane] = signal.data() + lane * (kFirst + count);
      std::vector<float> rows(count * (lanes + 1)), apart(lanes * (count + 2));
      kernels.leads_to_rows({leads, kFirst, kLimit, rows.data(), offsets});
      kernels.rows_to_leads({rows.data(), offsets, lanes, apart.data(), count + 2});
      append(results.exact, rows);
      append(results.exact, apart);
    }
  }
}

void surveys(const SignalKernels& kernels, Numbers& numbers, Results& results) {
  for (std::size_t length = 0; length <= kMostSamples; ++length) {
    auto lead = numbers.draw<double>(length);
    for (std::size_t t = length % 3; t < length; t += 3) lead[t] = std::numeric_limits<double>::quiet_NaN();
    const Survey seen = kernels.survey(lead.data(), length, kLimit);
    append(results.exact, std::vector<double>{seen.lowest, seen.highest, static_cast<double>(seen.missing),
                                              static_cast<double>(seen.beyond)});
  }
}

// Both ends are taken, and lengths that leave nothing to compare.
void extremes(const SignalKernels& kernels, Numbers& numbers, Results& results) {
  for (std::size_t length = 1; length <= kMostSamples; ++length) {
    const auto lead = numbers.draw<double>(length);
    const Survey seen = kernels.survey(lead.data(), length, kLimit);
    const std::size_t between = kernels.count_between(lead.data(), length, seen.lowest, seen.highest);
    append(results.exact, std::vector<double>{static_cast<double>(between), kernels.sharpest(lead.data(), length, 1),
                                              kernels.sharpest(lead.data(), length, 4)});
  }
}

// Forwards and backwards, in blocks of twelve lanes and of fewer.
void sections(const SignalKernels& kernels, Numbers& numbers, Results& results) {
  const Section section{0.2, 0.3, 0.1, -1.2, 0.5};
  for (std::size_t lanes = kSectionLanes; lanes <= 28; lanes += kSectionLanes) {
    auto rows = numbers.draw<double>(kMostSamples * lanes), state = numbers.draw<double>(2 * lanes);
    const auto step = static_cast<std::ptrdiff_t>(lanes);
    kernels.section({section, rows.data(), step, kMostSamples, lanes, state.data()});
    kernels.section({section, rows.data() + (kMostSamples - 1) * lanes, -step, kMostSamples, lanes, state.data()});
    append(results.doubles, rows);
    append(results.doubles, state);
  }
}

Results results_of(const std::string& instruction_set) {
  const SignalKernels& kernels = select_signal_kernels(instruction_set);
  Numbers numbers;
  Results results;
  for (const auto run : {weighted_sums, differences, transposes, surveys, extremes, sections})
    run(kernels, numbers, results);
  return results;
}

}  // namespace

int check_signal_kernels() {
  const Results portable = results_of("portable");
  int failures = 0;
  for (const std::string& name : signal_instruction_sets()) {
    const Results results = results_of(name);
    const double exact = distance(results.exact, portable.exact), floats = distance(results.floats, portable.floats),
                 doubles = distance(results.doubles, portable.doubles);
    const bool close = exact == 0 && floats <= kFloatTolerance && doubles <= kDoubleTolerance;
    std::printf("%s preparation: %.2g, %.2g in sums, %.2g in filters from portable%s\n", name.c_str(), exact, floats,
                doubles, close ? "" : ", too far");
    failures += close ? 0 : 1;
  }
  return failures;
}

}  // namespace ecg2lab
