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

Row to_row(std::span<const double> values) { return {values.begin(), values.end()}; }

void check(const StateSpace& s, std::size_t chunk) {
  const std::size_t h = s.channels, n = s.state_size;
  const bool sizes = s.a.size() == s.directions * h * n * n && s.b.size() == s.directions * h * n &&
                     s.c.size() == s.b.size() && s.d.size() == h;
  constexpr std::size_t kLargestChunk = 1 << 20;  // far beyond any use; sizes computed from it cannot overflow
  if (chunk > kLargestChunk) throw std::invalid_argument("the chunk is too long");
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

// state += change; change becomes what rounding took from it, to be added next time (Kahan, CACM 1965).
inline void add_up(float* __restrict state, float* __restrict change, std::size_t count) {
  for (std::size_t c = 0; c < count; ++c) {
    const float total = state[c] + change[c];
    change[c] -= total - state[c];
    state[c] = total;
  }
}

// Constants of one direction of one channel in float64, before they are rounded and interleaved.
struct ChannelBlocks {
  std::vector<Row> states;  // (T) Ā^s B̄
  std::vector<Row> rows;    // (T+1) C Ā^s
  std::vector<Row> power;   // (N) columns of Ā to the power T

  ChannelBlocks(const StateSpace& system, std::size_t direction, std::size_t h, std::size_t chunk) {
    const std::size_t n = system.state_size, at = direction * system.channels + h;
    const auto a = system.a.subspan(at * n * n, n * n);
    states.push_back(to_row(system.b.subspan(at * n, n)));
    while (states.size() < chunk) states.push_back(apply(a, states.back()));
    rows.push_back(to_row(system.c.subspan(at * n, n)));
    while (rows.size() <= chunk) rows.push_back(apply_left(rows.back(), a));
    for (std::size_t j = 0; j < n; ++j) {  // images of the unit vectors
      Row column(n, 0.0);
      column[j] = 1;
      for (std::size_t s = 0; s < chunk; ++s) column = apply(a, column);
      power.push_back(column);
    }
  }
};

}  // namespace

Scan::Scan(const StateSpace& system, std::size_t chunk)
    : channels_(system.channels), state_size_(system.state_size), directions_(system.directions), chunk_(chunk) {
  check(system, chunk);
  taps_.resize((2 * chunk_ - 1) * channels_);
  change_.resize(directions_ * state_size_ * state_size_ * channels_);
  krylov_.resize(directions_ * chunk_ * state_size_ * channels_);
  observe_.resize(directions_ * chunk_ * state_size_ * channels_);
  for (std::size_t direction = 0; direction < directions_; ++direction) {
    for (std::size_t h = 0; h < channels_; ++h) pack_direction(system, direction, h);
  }
}

void Scan::pack_direction(const StateSpace& system, std::size_t direction, std::size_t h) {
  const ChannelBlocks blocks(system, direction, h, chunk_);
  const std::size_t n = state_size_;
  const Row& b = blocks.states.front();
  if (direction == 0) {
    store(taps_, chunk_ - 1, h, dot(blocks.rows[0], b) + system.d[h]);  // d joins lag 0 before rounding
    for (std::size_t lag = 1; lag < chunk_; ++lag) store(taps_, chunk_ - 1 + lag, h, dot(blocks.rows[lag], b));
  } else {
    for (std::size_t lag = 1; lag < chunk_; ++lag) store(taps_, chunk_ - 1 - lag, h, dot(blocks.rows[lag - 1], b));
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      store(change_, (direction * n + i) * n + j, h, blocks.power[j][i] - (i == j ? 1 : 0));
    }
  }
  for (std::size_t s = 0; s < chunk_; ++s) {
    const Row& seen = blocks.rows[direction == 0 ? s + 1 : s];
    for (std::size_t i = 0; i < n; ++i) {
      store(krylov_, (direction * chunk_ + s) * n + i, h, blocks.states[s][i]);
      store(observe_, (direction * chunk_ + s) * n + i, h, seen[i]);
    }
  }
}

void Scan::store(std::vector<float>& packed, std::size_t index, std::size_t h, double value) const {
  packed[index * channels_ + h] = static_cast<float>(value);
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
  inside_chunks(u, y, length, first, count);
  for (std::size_t direction = 0; direction < directions_; ++direction) {
    across_chunks(u, y, length, first, count, direction);
  }
}

void Scan::inside_chunks(const float* u, float* y, std::size_t length, std::size_t first, std::size_t count) const {
  for (std::size_t i = 0; i < length; ++i) {
    const std::size_t begin = i / chunk_ * chunk_;
    const std::size_t end = std::min(begin + chunk_, length);
    float sum[kBlock] = {};
    for (std::size_t s = begin; s < end; ++s) {
      multiply_add(sum, &taps_[(chunk_ - 1 + i - s) * channels_ + first], &u[s * channels_ + first], count);
    }
    std::copy_n(sum, count, &y[i * channels_ + first]);
  }
}

// Direction 0 carries the state from the chunks before, direction 1 from the chunks after.
void Scan::across_chunks(const float* u, float* y, std::size_t length, std::size_t first, std::size_t count,
                         std::size_t direction) const {
  const std::size_t h = channels_, n = state_size_;
  const std::size_t chunks = (length + chunk_ - 1) / chunk_;
  std::vector<float> state(n * kBlock), change(n * kBlock);  // change begins with what the last addition lost
  for (std::size_t step = 0; step < chunks; ++step) {
    const std::size_t begin = (direction == 0 ? step : chunks - 1 - step) * chunk_;
    const std::size_t end = std::min(begin + chunk_, length);
    for (std::size_t row = 0; row < n; ++row) {
      for (std::size_t column = 0; column < n; ++column) {
        const std::size_t entry = (direction * n + row) * n + column;
        multiply_add(&change[row * kBlock], &change_[entry * h + first], &state[column * kBlock], count);
      }
    }
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t from_start = i - begin, from_end = chunk_ - 1 - from_start;
      const std::size_t seen = direction == 0 ? from_start : from_end;
      const std::size_t age = direction == 0 ? from_end : from_start;
      const float* observe = &observe_[(direction * chunk_ + seen) * n * h + first];
      const float* enter = &krylov_[(direction * chunk_ + age) * n * h + first];
      for (std::size_t k = 0; k < n; ++k) {
        multiply_add(&y[i * h + first], observe + k * h, &state[k * kBlock], count);
        multiply_add(&change[k * kBlock], enter + k * h, &u[i * h + first], count);
      }
    }
    add_up(state.data(), change.data(), n * kBlock);
  }
}

}  // namespace ecg2lab
