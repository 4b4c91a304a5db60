#include "engine/scan.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace ecg2lab {
namespace {

using Row = std::vector<double>;

// out = matrix · column, (N N)·(N)
Row apply_right(std::span<const double> matrix, const Row& column) {
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

// Constants of one direction of one channel in float64, before they are rounded and interleaved.
struct ChannelBlocks {
  std::vector<Row> states;  // (T) Ā^s B̄
  std::vector<Row> rows;    // (T+1) C Ā^s
  std::vector<Row> power;   // (N) columns of Ā to the power T

  ChannelBlocks(const StateSpace& system, std::size_t direction, std::size_t h, std::size_t chunk) {
    const std::size_t n = system.state_size, at = direction * system.channels + h;
    const auto a = system.a.subspan(at * n * n, n * n);
    states.push_back(to_row(system.b.subspan(at * n, n)));
    while (states.size() < chunk) states.push_back(apply_right(a, states.back()));
    rows.push_back(to_row(system.c.subspan(at * n, n)));
    while (rows.size() <= chunk) rows.push_back(apply_left(rows.back(), a));
    for (std::size_t j = 0; j < n; ++j) {  // images of the unit vectors
      Row column(n, 0.0);
      column[j] = 1;
      for (std::size_t s = 0; s < chunk; ++s) column = apply_right(a, column);
      power.push_back(column);
    }
  }
};

void check(const KautzCascade& k) {
  const std::size_t values = k.channels * k.sections;
  const bool sizes = k.h.size() == values && k.r.size() == values && k.taps.size() == 2 * k.directions * values &&
                     k.d.size() == k.channels;
  if (k.channels == 0 || k.sections == 0 || k.directions < 1 || k.directions > 2 || !sizes) {
    throw std::invalid_argument("the cascade has inconsistent sizes");
  }
}

}  // namespace

Scan::Scan(const StateSpace& system, std::size_t chunk, const Kernels& kernels)
    : kernels_(&kernels), channels_(system.channels), directions_(system.directions) {
  check(system, chunk);
  const std::size_t n = system.state_size, padded = blocks() * width();
  Chunked form{.states = n, .chunk = chunk, .taps = {}, .change = {}, .enter = {}, .observe = {}};
  form.taps.resize((2 * chunk - 1) * padded);
  form.change.resize(directions_ * n * n * padded);
  form.enter.resize(directions_ * chunk * n * padded);
  form.observe.resize(directions_ * chunk * n * padded);
  for (std::size_t direction = 0; direction < directions_; ++direction) {
    for (std::size_t h = 0; h < channels_; ++h) pack_direction(form, system, direction, h);
  }
  form_ = std::move(form);
}

Scan::Scan(const KautzCascade& cascade, const Kernels& kernels)
    : kernels_(&kernels), channels_(cascade.channels), directions_(cascade.directions) {
  check(cascade);
  const std::size_t sections = cascade.sections, padded = blocks() * width();
  Cascade form{.sections = sections, .packed = {}, .skip = {}};
  form.packed.resize(sections * kCascadeRows * padded);
  form.skip.resize(padded);
  for (std::size_t h = 0; h < channels_; ++h) {
    form.skip[h] = static_cast<float>(cascade.d[h]);
    for (std::size_t s = 0; s < sections; ++s) {
      const auto keep = [&](std::size_t row, float value) {
        store(form.packed, sections * kCascadeRows, s * kCascadeRows + row, h, static_cast<double>(value));
      };
      keep(0, cascade.h[h * sections + s]);
      keep(1, cascade.r[h * sections + s]);
      for (std::size_t direction = 0; direction < directions_; ++direction) {
        const std::size_t taps = (direction * channels_ + h) * 2 * sections + s;
        keep(2 + 2 * direction, cascade.taps[taps]);
        keep(3 + 2 * direction, cascade.taps[taps + sections]);
      }
    }
  }
  form_ = std::move(form);
}

// `packed` is (H/W rows W).
void Scan::store(AlignedFloats& packed, std::size_t rows, std::size_t row, std::size_t h, double value) const {
  packed[(h / width() * rows + row) * width() + h % width()] = static_cast<float>(value);
}

void Scan::pack_direction(Chunked& form, const StateSpace& system, std::size_t direction, std::size_t h) const {
  const std::size_t n = form.states, chunk = form.chunk;
  const ChannelBlocks blocks(system, direction, h, chunk);
  const Row& b = blocks.states.front();
  const auto tap = [&](std::size_t index, double value) { store(form.taps, 2 * chunk - 1, index, h, value); };
  if (direction == 0) {
    tap(chunk - 1, dot(blocks.rows[0], b) + system.d[h]);  // d joins lag 0 before rounding
    for (std::size_t lag = 1; lag < chunk; ++lag) tap(chunk - 1 + lag, dot(blocks.rows[lag], b));
  } else {
    for (std::size_t lag = 1; lag < chunk; ++lag) tap(chunk - 1 - lag, dot(blocks.rows[lag - 1], b));
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const double value = blocks.power[j][i] - (i == j ? 1 : 0);
      store(form.change, directions_ * n * n, (direction * n + i) * n + j, h, value);
    }
  }
  for (std::size_t s = 0; s < chunk; ++s) {
    const Row& seen = blocks.rows[direction == 0 ? s + 1 : s];
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t row = (direction * chunk + s) * n + i;
      store(form.enter, directions_ * chunk * n, row, h, blocks.states[s][i]);
      store(form.observe, directions_ * chunk * n, row, h, seen[i]);
    }
  }
}

std::size_t Scan::scratch(std::size_t samples) const {
  if (const auto* chunked = std::get_if<Chunked>(&form_)) return 2 * chunked->states * width();
  return samples * width();
}

void Scan::run_block(std::size_t block, const float* u, float* y, std::size_t samples, bool activate,
                     float* scratch) const {
  const std::size_t w = width();
  if (const auto* c = std::get_if<Chunked>(&form_)) {
    const std::size_t at = block * w, moving = directions_ * c->chunk * c->states * at;
    kernels_->chunked({.taps = &c->taps[(2 * c->chunk - 1) * at],
                       .change = &c->change[directions_ * c->states * c->states * at],
                       .enter = &c->enter[moving],
                       .observe = &c->observe[moving],
                       .states = c->states,
                       .directions = directions_,
                       .chunk = c->chunk,
                       .samples = samples,
                       .activate = activate,
                       .u = u,
                       .y = y,
                       .state = scratch});
  } else {
    const Cascade& k = std::get<Cascade>(form_);
    kernels_->cascade({.packed = &k.packed[block * k.sections * kCascadeRows * w],
                       .skip = &k.skip[block * w],
                       .sections = k.sections,
                       .directions = directions_,
                       .samples = samples,
                       .activate = activate,
                       .u = u,
                       .y = y,
                       .pass = scratch});
  }
}

void Scan::run(std::span<const float> u, std::span<float> y) const {
  if (u.size() != y.size() || u.size() % channels_ != 0) {
    throw std::invalid_argument("input and output must be (length, channels)");
  }
  const std::size_t length = u.size() / channels_, w = width();
  if (length == 0) return;
  AlignedFloats in(length * w), out(length * w), work(scratch(length));
  for (std::size_t block = 0; block < blocks(); ++block) {
    const std::size_t first = block * w, count = std::min(w, channels_ - first);
    for (std::size_t t = 0; t < length; ++t) std::copy_n(&u[t * channels_ + first], count, &in[t * w]);
    run_block(block, in.data(), out.data(), length, false, work.data());
    for (std::size_t t = 0; t < length; ++t) std::copy_n(&out[t * w], count, &y[t * channels_ + first]);
  }
}

}  // namespace ecg2lab
