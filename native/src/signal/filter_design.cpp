#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

#include "base/errors.h"
#include "signal/zero_phase.h"

namespace ecg2lab {
namespace {

using Complex = std::complex<double>;
constexpr int kHighestOrder = 10;

// The analogue frequency, in units of twice the rate, that the bilinear transform maps to this one.
double prewarp(double frequency_hz, double rate_hz) { return std::tan(std::numbers::pi * frequency_hz / rate_hz); }

Complex bilinear(Complex s) { return (1.0 + s) / (1.0 - s); }

// Two poles that are conjugate, or both real.
struct PolePair {
  Complex first, second;
};

// The analogue band-pass: p becomes the roots of s² - p·width·s + centre² = 0. Each pole of a conjugate pair of
// low-pass poles gives one pole of each of two conjugate pairs; a real one gives a pair.
std::vector<PolePair> band_pass_poles(int order, double low, double high) {
  std::vector<PolePair> pairs;
  for (int k = 0; k <= (order - 1) / 2; ++k) {
    const double angle = std::numbers::pi * (2 * k + 1) / (2 * order) + std::numbers::pi / 2;
    const bool real = 2 * k + 1 == order;
    const Complex half = (real ? Complex(-1) : std::polar(1.0, angle)) * ((high - low) / 2);
    const Complex root = std::sqrt(half * half - low * high);
    if (real) {
      pairs.push_back({half + root, half - root});
    } else {
      pairs.push_back({half + root, std::conj(half + root)});
      pairs.push_back({half - root, std::conj(half - root)});
    }
  }
  return pairs;
}

void refuse_unstable(const Section& section) {
  // The triangle of stability of a second-order denominator.
  const bool stable = std::abs(section.a2) < 1 && std::abs(section.a1) < 1 + section.a2;
  if (!stable) throw Error(ErrorKind::recording, say<MessageCode::recording_narrow_band>());
}

void require_rate(double rate_hz) {
  if (!(rate_hz > 0) || !std::isfinite(rate_hz))
    throw std::invalid_argument("sampling rates must be positive and finite");
}

}  // namespace

std::vector<Section> design(const BandPass& filter, double rate_hz) {
  require_rate(rate_hz);
  if (!(filter.low_hz > 0) || !(filter.low_hz < filter.high_hz) || !(filter.high_hz < rate_hz / 2)) {
    throw Error(ErrorKind::recording, say<MessageCode::recording_band>());
  }
  if (filter.order < 1 || filter.order > kHighestOrder) {
    throw std::invalid_argument("the filter's order must lie between 1 and 10");
  }
  const double low = prewarp(filter.low_hz, rate_hz), high = prewarp(filter.high_hz, rate_hz);
  std::vector<Section> sections;
  for (const PolePair& pair : band_pass_poles(filter.order, low, high)) {
    // One zero at 0 Hz and one at half the rate. width·s / ((s - p)(s - q)) under the bilinear transform: its gain.
    const Complex p = bilinear(pair.first), q = bilinear(pair.second);
    const double gain = (high - low) / ((1.0 - pair.first) * (1.0 - pair.second)).real();
    sections.push_back({gain, 0, -gain, -(p + q).real(), (p * q).real()});
    refuse_unstable(sections.back());
  }
  return sections;
}

std::vector<Section> design(const Notch& filter, double rate_hz) {
  require_rate(rate_hz);
  if (!(filter.frequency_hz > 0) || !(filter.frequency_hz < rate_hz / 2)) {
    throw Error(ErrorKind::recording, say<MessageCode::recording_notch>());
  }
  const double bandwidth = filter.frequency_hz / filter.quality;
  if (!(filter.quality > 0) || !(bandwidth > 0) || !(bandwidth < rate_hz / 2)) {
    throw Error(ErrorKind::recording, say<MessageCode::recording_notch_bandwidth>());
  }
  const double gain = 1 / (1 + prewarp(bandwidth, rate_hz));
  const double middle = -2 * gain * std::cos(2 * std::numbers::pi * filter.frequency_hz / rate_hz);
  const Section section{gain, middle, gain, middle, 2 * gain - 1};
  refuse_unstable(section);
  return {section};
}

}  // namespace ecg2lab
