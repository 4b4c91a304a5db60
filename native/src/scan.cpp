#include "scan.h"

#include <algorithm>
#include <stdexcept>

namespace ecg2lab {
namespace {

using Row = std::vector<double>;

// out = matrix · column, (N N)·(N)
Row apply(std::span<const double> matrix, const Row& column) {
  const std::size_t n = column.size();
  Row out(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) out[i] += matrix[i * n + j] * column[j];
  }
  return out;
}

// out = row · matrix
Row apply_left(const Row& row, std::span<const double> matrix) {
  const std::size_t n = row.size();
  Row out(n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) out[j] += row[i] * matrix[i * n + j];
  }
  return out;
}

double dot(const Row& a, const Row& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void check(const StateSpace& s, std::size_t chunk) {
  const std::size_t h = s.channels, n = s.state_size;
  const bool sizes =
      s.a.size() == h * n * n && s.b.size() == h * n && s.c.size() == s.directions * h * n && s.d.size() == h;
  if (h == 0 || n == 0 || chunk == 0 || s.directions < 1 || s.directions > 2 || !sizes) {
    throw std::invalid_argument("the state space has inconsistent sizes");
  }
}

// Channels that are carried at once: their states stay in the first-level cache and their sums in registers.
constexpr std::size_t kBlock = 16;

// y[c] += a[c] · x[c]
inline void multiply_add(float* __restrict y, const float* __restrict a, const float* __restrict x, std::size_t count) {
  for (std::size_t c = 0; c < count; ++c) y[c] += a[c] * x[c];
}

}  // namespace

Scan::Scan(const StateSpace& system, std::size_t chunk)
    : channels_(system.channels), state_size_(system.state_size), directions_(system.directions), chunk_(chunk) {
  check(system, chunk);
  const std::size_t h_count = channels_, n = state_size_, t_count = chunk_;
  taps_.resize((2 * t_count - 1) * h_count);
  power_.resize(n * n * h_count);
  krylov_.resize(t_count * n * h_count);
  observe_.resize(directions_ * t_count * n * h_count);
  for (std::size_t h = 0; h < h_count; ++h) {
    const auto a = system.a.subspan(h * n * n, n * n);
    const auto b = system.b.subspan(h * n, n);
    // Columns of the T-th power are the T-th images of the unit vectors.
    for (std::size_t j = 0; j < n; ++j) {
      Row column(n, 0.0);
      column[j] = 1;
      for (std::size_t s = 0; s < t_count; ++s) column = apply(a, column);
      for (std::size_t i = 0; i < n; ++i) power_[(i * n + j) * h_count + h] = static_cast<float>(column[i]);
    }
    Row state(b.begin(), b.end());
    std::vector<Row> states;
    for (std::size_t s = 0; s < t_count; ++s, state = apply(a, state)) {
      states.push_back(state);
      for (std::size_t i = 0; i < n; ++i) krylov_[(s * n + i) * h_count + h] = static_cast<float>(state[i]);
    }
    for (std::size_t direction = 0; direction < directions_; ++direction) {
      const auto c = system.c.subspan((direction * h_count + h) * n, n);
      Row row(c.begin(), c.end());
      for (std::size_t s = 0; s < t_count; ++s) {
        const double tap = dot(row, {system.b.begin() + h * n, system.b.begin() + (h + 1) * n});
        const std::size_t lag = direction == 0 ? t_count - 1 + s : t_count - 2 - s;  // K[-l] = k₁[l-1]
        if (direction == 0 || s + 1 < t_count) taps_[lag * h_count + h] = static_cast<float>(tap);
        const Row next = apply_left(row, a);
        const Row& seen = direction == 0 ? next : row;
        for (std::size_t i = 0; i < n; ++i) {
          observe_[((direction * t_count + s) * n + i) * h_count + h] = static_cast<float>(seen[i]);
        }
        row = next;
      }
    }
    // d joins lag 0 before rounding.
    const Row first(system.c.begin() + h * n, system.c.begin() + (h + 1) * n);
    taps_[(t_count - 1) * h_count + h] = static_cast<float>(dot(first, states[0]) + system.d[h]);
  }
}

void Scan::run(std::span<const float> u, std::span<float> y) const {
  if (u.size() != y.size() || u.size() % channels_ != 0) {
    throw std::invalid_argument("input and output must be (length, channels)");
  }
  const std::size_t length = u.size() / channels_;
  for (std::size_t first = 0; first < channels_; first += kBlock) {
    run_block(u.data(), y.data(), length, first, std::min(kBlock, channels_ - first));
  }
}

void Scan::run_block(const float* u, float* y, std::size_t length, std::size_t first, std::size_t count) const {
  const std::size_t h = channels_, n = state_size_, t = chunk_;
  const std::size_t chunks = (length + t - 1) / t;
  std::vector<float> state(n * kBlock), next(n * kBlock);
  // Within a chunk: the taps near the diagonal.
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t begin = i / t * t;
    const std::size_t end = std::min(begin + t, length);
    float sum[kBlock] = {};
    for (std::size_t s = begin; s < end; ++s) {
      multiply_add(sum, &taps_[(t - 1 + i - s) * h + first], &u[s * h + first], count);
    }
    std::copy_n(sum, count, &y[i * h + first]);
  }
  // Across chunks: the state from before (direction 0), then the state from after (direction 1).
  for (std::size_t direction = 0; direction < directions_; ++direction) {
    std::fill(state.begin(), state.end(), 0.0F);
    for (std::size_t step = 0; step < chunks; ++step) {
      const std::size_t begin = (direction == 0 ? step : chunks - 1 - step) * t;
      const std::size_t end = std::min(begin + t, length);
      for (std::size_t i = begin; i < end; ++i) {
        const std::size_t lag = direction == 0 ? i - begin : t - 1 - (i - begin);
        const float* observe = &observe_[(direction * t + lag) * n * h + first];
        for (std::size_t k = 0; k < n; ++k) {
          multiply_add(&y[i * h + first], observe + k * h, &state[k * kBlock], count);
        }
      }
      std::fill(next.begin(), next.end(), 0.0F);
      for (std::size_t row = 0; row < n; ++row) {
        for (std::size_t column = 0; column < n; ++column) {
          multiply_add(&next[row * kBlock], &power_[(row * n + column) * h + first], &state[column * kBlock], count);
        }
      }
      for (std::size_t s = begin; s < end; ++s) {
        const std::size_t age = direction == 0 ? t - 1 - (s - begin) : s - begin;
        for (std::size_t k = 0; k < n; ++k) {
          multiply_add(&next[k * kBlock], &krylov_[(age * n + k) * h + first], &u[s * h + first], count);
        }
      }
      std::swap(state, next);
    }
  }
}

}  // namespace ecg2lab
