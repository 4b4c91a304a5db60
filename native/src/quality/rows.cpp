#include "quality/rows.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace ecg2lab {
namespace {

constexpr double kAnalysisRate = 125;
constexpr std::size_t kRowsAtOnce = 128;  // they stay in the first cache

// s² + s/q + 1 for each pair of Butterworth poles, at the prewarped edge w: Oppenheim & Schafer, 7.2.
template <typename Numerator>
std::vector<Section> butterworth(double edge_hz, double rate_hz, int order, Numerator&& numerator) {
  const double w = std::tan(std::numbers::pi * edge_hz / rate_hz);
  std::vector<Section> sections;
  for (int k = 0; k < order / 2; ++k) {
    const double damping = 2 * std::sin(std::numbers::pi * (2 * k + 1) / (2 * order));
    const double scale = 1 / (1 + damping * w + w * w);
    const auto [b0, b1, b2] = numerator(w, scale);
    sections.push_back({b0, b1, b2, 2 * (w * w - 1) * scale, (1 - damping * w + w * w) * scale});
  }
  return sections;
}

struct Numerator {
  double b0, b1, b2;
};

}  // namespace

std::size_t decimation(double rate_hz) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(rate_hz / kAnalysisRate));
}

double gain_of_mean(std::size_t step, double frequency_hz, double rate_hz) {
  const double half = std::numbers::pi * frequency_hz / rate_hz, steps = static_cast<double>(step);
  return std::abs(std::sin(steps * half) / (steps * std::sin(half)));
}

void RunningFilter::run(Rows& rows, const SignalKernels& kernels) {
  for (std::size_t first = 0; first < rows.count; first += kRowsAtOnce) {
    for (std::size_t index = 0; index < sections_.size(); ++index) {
      kernels.section({.section = sections_[index],
                       .rows = rows.row(first),
                       .step = static_cast<std::ptrdiff_t>(rows.lanes),
                       .count = std::min(kRowsAtOnce, rows.count - first),
                       .lanes = rows.lanes,
                       .state = states_.data() + index * 2 * rows.lanes});
    }
  }
}

std::vector<Section> low_pass(double edge_hz, double rate_hz, int order) {
  return butterworth(edge_hz, rate_hz, order, [](double w, double scale) {
    const double b = w * w * scale;
    return Numerator{b, 2 * b, b};
  });
}

std::vector<Section> high_pass(double edge_hz, double rate_hz, int order) {
  return butterworth(edge_hz, rate_hz, order, [](double, double scale) { return Numerator{scale, -2 * scale, scale}; });
}

double gain(std::span<const Section> sections, double frequency_hz, double rate_hz) {
  const auto z = std::polar(1.0, -2 * std::numbers::pi * frequency_hz / rate_hz);  // one sample earlier
  double product = 1;
  for (const Section& s : sections) {
    product *= std::abs((s.b0 + z * (s.b1 + z * s.b2)) / (1.0 + z * (s.a1 + z * s.a2)));
  }
  return product;
}

}  // namespace ecg2lab
