#include "quality/spectrum.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

namespace ecg2lab {
namespace {

constexpr double kPart = 0.032;  // s
// Lanes are summed in groups of so many, which a compiler keeps in registers.
constexpr std::size_t kGroup = kSectionLanes;

std::size_t rows_of(double seconds, double rate_hz) {
  return std::max<std::size_t>(1, static_cast<std::size_t>(seconds * rate_hz + 0.5));
}

double ratio(double a, double b) { return b > 0 ? a / b : std::numeric_limits<double>::quiet_NaN(); }

// Calls use(values of a group, sums) for each row from `begin` to `end`; Sums arrays of kGroup sums for each group.
template <std::size_t Sums, typename Use, typename Take>
void sum_groups(const Rows& rows, std::size_t begin, std::size_t end, Use&& use, Take&& take) {
  for (std::size_t lane = 0; lane < rows.lanes; lane += kGroup) {
    double sums[Sums][kGroup] = {};
    for (std::size_t t = begin; t < end; ++t) use(rows.row(t) + lane, sums, lane);
    take(sums, lane);
  }
}

template <typename Term>
void mean_of(const Rows& rows, std::size_t begin, std::size_t end, double* out, Term&& term) {
  sum_groups<1>(
      rows, begin, end,
      [&](const double* row, auto& sums, std::size_t lane) {
        for (std::size_t i = 0; i < kGroup; ++i) sums[0][i] += term(row[i], lane + i);
      },
      [&](const auto& sums, std::size_t lane) {
        for (std::size_t i = 0; i < kGroup; ++i) out[lane + i] = sums[0][i] / static_cast<double>(end - begin);
      });
}

template <typename Term>
Lanes mean_of(const Rows& rows, Term&& term) {
  Lanes mean(rows.lanes);
  mean_of(rows, 0, rows.count, mean.data(), term);
  return mean;
}

Lanes mean(const Rows& rows) {
  return mean_of(rows, [](double x, std::size_t) { return x; });
}

}  // namespace

Moments moments(const Rows& rows) {
  const Lanes middle = mean(rows);
  Moments out{.variance = Lanes(rows.lanes), .skewness = Lanes(rows.lanes), .kurtosis = Lanes(rows.lanes)};
  const auto add = [&](const double* row, auto& sums, std::size_t lane) {
    for (std::size_t i = 0; i < kGroup; ++i) {
      const double x = row[i] - middle[lane + i], square = x * x;
      sums[0][i] += square;
      sums[1][i] += square * x;
      sums[2][i] += square * square;
    }
  };
  sum_groups<3>(rows, 0, rows.count, add, [&](const auto& sums, std::size_t lane) {
    const auto count = static_cast<double>(rows.count);
    for (std::size_t i = 0; i < kGroup; ++i) {
      const double variance = out.variance[lane + i] = sums[0][i] / count;
      out.skewness[lane + i] = ratio(sums[1][i] / count, variance * std::sqrt(variance));
      out.kurtosis[lane + i] = ratio(sums[2][i] / count, variance * variance);
    }
  });
  return out;
}

Lanes variance(const Rows& rows) {
  const Lanes middle = mean(rows);
  return mean_of(rows, [&](double x, std::size_t lane) { return (x - middle[lane]) * (x - middle[lane]); });
}

Rows range_in_seconds(const Rows& rows, double rate_hz) {
  const std::size_t second = rows_of(1, rate_hz), seconds = std::max<std::size_t>(1, rows.count / second);
  Rows ranges{.count = seconds, .lanes = rows.lanes, .values = std::vector<double>(seconds * rows.lanes)};
  for (std::size_t s = 0; s < seconds; ++s) {
    const std::size_t begin = s * second, end = s + 1 == seconds ? rows.count : begin + second;
    const double* const first = rows.row(begin);
    const auto widen = [&](const double* row, auto& reach, std::size_t lane) {
      for (std::size_t i = 0; i < kGroup; ++i) {
        const double x = row[i] - first[lane + i];
        reach[0][i] = x < reach[0][i] ? x : reach[0][i];
        reach[1][i] = x > reach[1][i] ? x : reach[1][i];
      }
    };
    sum_groups<2>(rows, begin, end, widen, [&](const auto& reach, std::size_t lane) {
      for (std::size_t i = 0; i < kGroup; ++i) ranges.row(s)[lane + i] = reach[1][i] - reach[0][i];
    });
  }
  return ranges;
}

Lanes floor_level(const Rows& rows, double rate_hz) {
  const std::size_t part = std::min(rows.count, rows_of(kPart, rate_hz));
  Rows parts{.count = rows.count / part, .lanes = rows.lanes, .values = {}};
  parts.values.resize(parts.count * rows.lanes);
  for (std::size_t p = 0; p < parts.count; ++p) {
    mean_of(rows, p * part, (p + 1) * part, parts.row(p), [](double x, std::size_t) { return x * x; });
  }
  const Lanes usual = mean(parts);
  const Lanes low = mean_of(parts, [&](double x, std::size_t lane) { return x <= usual[lane] ? x : 0; });
  const Lanes share = mean_of(parts, [&](double x, std::size_t lane) { return x <= usual[lane] ? 1.0 : 0.0; });
  Lanes floor(rows.lanes);
  for (std::size_t lane = 0; lane < rows.lanes; ++lane) floor[lane] = std::sqrt(ratio(low[lane], share[lane]));
  return floor;
}

Lanes amplitude_at(const Rows& rows, double frequency_hz, double rate_hz) {
  const std::size_t part = std::min(rows.count, rows_of(1, rate_hz)), parts = rows.count / part;
  std::vector<std::complex<double>> wave(part, 1);
  const auto turn = std::polar(1.0, 2 * std::numbers::pi * frequency_hz / rate_hz);
  for (std::size_t t = 1; t < part; ++t) wave[t] = wave[t - 1] * turn;
  Lanes power(rows.lanes, 0);
  for (std::size_t p = 0; p < parts; ++p) {
    const std::complex<double>* at = wave.data();
    const auto add = [&](const double* row, auto& sums, std::size_t) {
      const double real = at->real(), imaginary = at->imag();
      for (std::size_t i = 0; i < kGroup; ++i) {
        sums[0][i] += real * row[i];
        sums[1][i] += imaginary * row[i];
      }
      ++at;
    };
    sum_groups<2>(rows, p * part, (p + 1) * part, add, [&](const auto& sums, std::size_t lane) {
      for (std::size_t i = 0; i < kGroup; ++i) power[lane + i] += sums[0][i] * sums[0][i] + sums[1][i] * sums[1][i];
      at = wave.data();
    });
  }
  for (double& value : power) value = 2 * std::sqrt(value / static_cast<double>(parts)) / static_cast<double>(part);
  return power;
}

std::vector<double> inner_products(const Rows& rows) {
  const std::size_t lanes = rows.lanes;
  std::vector<double> products(lanes * lanes, 0);
  for (std::size_t a = 0; a < lanes; a += kGroup) {
    for (std::size_t b = a; b < lanes; b += kGroup) {
      double sums[kGroup][kGroup] = {};
      for (std::size_t t = 0; t < rows.count; t += 2) {
        const double *const x = rows.row(t) + a, *const y = rows.row(t) + b;
        for (std::size_t i = 0; i < kGroup; ++i) {
          for (std::size_t j = 0; j < kGroup; ++j) sums[i][j] += x[i] * y[j];
        }
      }
      for (std::size_t i = 0; i < kGroup; ++i) {
        for (std::size_t j = 0; j < kGroup; ++j) {
          products[(a + i) * lanes + b + j] = products[(b + j) * lanes + a + i] = sums[i][j];
        }
      }
    }
  }
  return products;
}

}  // namespace ecg2lab
